import { Consumers } from '../../src/log/consuming/consumers.service.js';
import type { LogConsumer } from '../../src/log/event-log.js';
import { eventually } from './eventually.js';
import type { TestTocsin } from './tocsin.js';

const consumer = (tocsin: TestTocsin, group: string) => tocsin.running.app.get(Consumers).find(group)!.unwrap<LogConsumer>();

/** Waits until the group reads its partitions, all of them. */
export const consumes = (tocsin: TestTocsin, group: string): Promise<void> =>
  eventually(() => {
    const { status, assigned, paused } = consumer(tocsin, group).state();
    return status === 'running' && assigned.length > 0 && paused.length === 0;
  }, `${group} consumes`);

/** Stops the group in all its partitions until the answer is called. */
export function holdGroup(tocsin: TestTocsin, group: string): () => void {
  const held = consumer(tocsin, group);
  const { assigned } = held.state();
  expect(assigned.length).toBeGreaterThan(0);
  for (const at of assigned) held.pause(at);
  return () => assigned.forEach((at) => held.resume(at));
}
