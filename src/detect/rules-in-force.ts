import type { LogRecord, TopicPartition } from '../log/event-log.js';

/** As much of the log as is needed to look back. */
export interface History {
  read(at: TopicPartition, from: number, to: number): AsyncIterable<readonly LogRecord[]>;
}

/** Records that are read at once, and looked at in all, on the way back. */
const WINDOW = 2_000;
const MOST = 20_000;

/**
 * The rule set in force for the record at `offset`: the one that the last tick before it names; 0 at the very beginning of a topic.
 * Undefined when no tick stands among the records before it that are still there (`low` is the oldest) and near enough.
 */
export async function rulesInForce(log: History, at: TopicPartition, offset: number, low: number): Promise<number | undefined> {
  const last = Math.max(low, offset - MOST);
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
    // Broken records are no ticks; what becomes of them is decided where they are handled.
    return undefined;
  }
}
