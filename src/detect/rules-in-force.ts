import type { LogRecord, TopicPartition } from '../log/event-log.js';

/** The part of the log that reads records at given offsets. */
export interface RecordHistory {
  read(at: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]>;
}

/** Records per read on the way back, and in all. */
const WINDOW = 2_000;
const MAX_RECORDS = 20_000;

/**
 * Version of the rule set in force for the record at `offset`: the one that the last tick before it names; 0 at the beginning of a topic.
 * Undefined when there is no tick within {@link MAX_RECORDS} records before it, or retention deleted it; `low` is the oldest offset.
 */
export async function rulesInForce(log: RecordHistory, at: TopicPartition, offset: number, low: number): Promise<number | undefined> {
  const last = Math.max(low, offset - MAX_RECORDS);
  for (let end = offset; end > last;) {
    const start = Math.max(last, end - WINDOW);
    let found: number | undefined;
    for await (const records of log.read(at, start, end)) for (const record of records) found = rulesOfTick(record) ?? found;
    if (found !== undefined) return found;
    end = start;
  }
  return last === 0 ? 0 : undefined;
}

/** The rule set that a tick names; undefined of any other record. */
function rulesOfTick({ value }: LogRecord): number | undefined {
  if (!value || value.length > 1_000 || !value.includes('"tick"')) return undefined;
  try {
    const { event_type, raw_data } = JSON.parse(value.toString('utf8')) as { event_type?: unknown; raw_data?: { rules_version?: unknown } };
    return event_type === 'tick' && typeof raw_data?.rules_version === 'number' ? raw_data.rules_version : undefined;
  } catch {
    // A malformed record is no tick; the consumer decides what happens to it.
    return undefined;
  }
}
