import type { DeadLetter } from '../oracle/compare.js';
import type { FedEvent, FedRecord } from './feeds.js';

/** What of an event in the log tells where it came from. */
export interface Marked {
  readonly event_id: string;
  readonly bk_biz_id: string;
  readonly event_source: string;
  readonly raw_data: { readonly mark?: string | undefined };
}

const place = ({ topic, partition, offset }: { topic: string; partition: number; offset: number }): string => `${topic}/${partition}/${offset}`;

/** Events that a foreign cluster has acknowledged, and that are not in the log. */
export function missingFed(fed: readonly FedRecord[], events: readonly Marked[]): string[] {
  const there = new Set(events.map(({ raw_data }) => raw_data.mark));
  return fed.flatMap((record) =>
    record.events.filter(({ mark }) => !there.has(mark)).map(({ mark }) => `event ${mark} of ${place(record)}: written, but not in the log`),
  );
}

/** In what the log and the dead letters differ from the foreign topics, in words. `events` is the log in its order. */
export function wrongFeeds(fed: readonly FedRecord[], events: readonly Marked[], deadLetters: readonly DeadLetter[]): string[] {
  return [...wrongIds(events), ...wrongOrder(fed, events), ...wrongDeadLetters(fed, deadLetters)];
}

/** Only by one id of its own is an event known when it comes again. */
function wrongIds(events: readonly Marked[]): string[] {
  const ids = new Map<string, string>();
  const marks = new Map<string, string>();
  return events.flatMap((event) => {
    const { mark } = event.raw_data;
    if (mark === undefined) return [];
    const id = JSON.stringify([event.bk_biz_id, event.event_source, event.event_id]);
    const before = ids.get(mark);
    const other = marks.get(id);
    ids.set(mark, id);
    marks.set(id, mark);
    return [
      ...(before !== undefined && before !== id ? [`event ${mark}: came again as ${id}, was ${before}`] : []),
      ...(other !== undefined && other !== mark ? [`event ${mark}: has the id ${id} of ${other}`] : []),
    ];
  });
}

/** What one partition says of a business comes in its order, however often parts of it come again. */
function wrongOrder(fed: readonly FedRecord[], events: readonly Marked[]): string[] {
  const arrived = new Map<string, number>();
  events.forEach(({ raw_data: { mark } }, index) => {
    if (mark !== undefined && !arrived.has(mark)) arrived.set(mark, index);
  });
  const latest = new Map<string, FedEvent>();
  const violations: string[] = [];
  for (const record of [...fed].sort((a, b) => a.offset - b.offset)) {
    for (const event of record.events.filter(({ mark }) => arrived.has(mark))) {
      const key = `${record.topic}/${record.partition} ${event.business}`;
      const before = latest.get(key);
      if (before && arrived.get(before.mark)! > arrived.get(event.mark)!)
        violations.push(`event ${event.mark} of ${place(record)}: came before ${before.mark}, which is older`);
      else latest.set(key, event);
    }
  }
  return violations;
}

/** Exactly the records that can never work, byte by byte. One that came twice is no harm: it names its place. */
function wrongDeadLetters(fed: readonly FedRecord[], deadLetters: readonly DeadLetter[]): string[] {
  const poison = new Map(fed.filter(({ events }) => events.length === 0).map((record) => [place(record), record.value]));
  const found = new Map(deadLetters.map((letter) => [place(letter), letter.value]));
  return [
    ...[...poison.keys()].filter((where) => !found.has(where)).map((where) => `dead letter ${where}: missing`),
    ...[...found.keys()].filter((where) => !poison.has(where)).map((where) => `dead letter ${where}: the record was not poison`),
    ...[...found]
      .filter(([where, value]) => poison.has(where) && !sameBytes(poison.get(where)!, value))
      .map(([where]) => `dead letter ${where}: the bytes differ from the record's`),
  ];
}

const sameBytes = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b));
