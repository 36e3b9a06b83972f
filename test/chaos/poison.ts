import { businesses } from './families.js';
import type { Random } from './random.js';

/** A record that can never work, as it is published beside Access. */
export interface PoisonRecord {
  readonly kind: string;
  readonly key: string;
  readonly value: Buffer | null;
}

/** Larger than the MAX_RECORD_BYTES that replicas run with in the crash test. */
export const TOO_LARGE = 500_000;

const event = (business: string, raw: string): string =>
  `{"event_id":"poison","event_type":"metric","bk_biz_id":"${business}","event_source":"chaos","timestamp":1700000000000,"raw_data":${raw}}`;
const sound = '{"metric":"chaos.cpu","value":99,"dimensions":{"host":"poisoned"}}';

/** The kind of which a source takes what is good. */
export const PARTLY_GOOD = 'one bad event among good ones';

const kinds: Readonly<Record<string, (business: string) => Buffer | string | null>> = {
  tombstone: () => null,
  'no JSON': () => '{"event_id":',
  'no UTF-8': (business) => Buffer.concat([Buffer.from(event(business, sound)), Buffer.from([0xff])]),
  'no event': (business) => `{"bk_biz_id":"${business}"}`,
  [PARTLY_GOOD]: (business) => `{"v":1,"events":[${event(business, sound)},${event(business, '{"metric":7}')}]}`,
  'a key that reaches a prototype': (business) => event(business, sound.replace('"host"', '"__proto__"')),
  'nested too deeply': (business) => event(business, `{"metric":"chaos.cpu","value":1,"x":${'['.repeat(60)}${']'.repeat(60)}}`),
  'too large': (business) => event(business, `{"metric":"chaos.cpu","value":1,"x":"${'x'.repeat(TOO_LARGE)}"}`),
};

/** One of every kind sooner or later. */
export function poisonRecord(random: Random): PoisonRecord {
  const kind = random.pick(Object.keys(kinds));
  const business = random.pick(businesses);
  const value = kinds[kind]!(business);
  return { kind, key: business, value: value === null ? null : Buffer.from(value) };
}
