import type { LogRecord } from '../../log/event-log.js';
import { deadLetterHeaders } from '../../log/dead-letters.js';
import { PoisonError } from '../../shared/errors.js';
import { matchesFilter, deadLetterOf, parseDeadLetterId, redriveOf, encodedBytes } from './dead-letter.js';

const aRecord = (more: Partial<LogRecord> = {}): LogRecord => ({
  offset: 7,
  timestamp: 1000,
  key: Buffer.from('k'),
  value: Buffer.from('{'),
  headers: {},
  ...more,
});
/** A record of partition 3, offset 7, as it is in the dead-letter topic. */
const aLetterRecord = (more: Partial<LogRecord> = {}, stage = 'detect'): LogRecord => {
  const record = aRecord(more);
  return { ...record, offset: 0, headers: deadLetterHeaders('raw_events', 3, stage, record, new PoisonError('T6002', 'no end'), 2000) };
};
const at = { topic: 'raw_events', partition: 3 };
const back = (record: LogRecord, partitions = 4, most = 3) => redriveOf(deadLetterOf(at, record), record, partitions, most);

describe('a dead letter', () => {
  it('shows the original position, the consumer group and the error, and keeps its own headers', () => {
    const record = aLetterRecord({ headers: { trace: 'abc' } });
    expect(deadLetterOf(at, record)).toMatchObject({
      id: 'raw_events/3/0',
      origin: { partition: 3, offset: 7 },
      stage: 'detect',
      code: 'T6002',
      attempts: 1,
      bytes: 1,
      time: 2000,
    });
    expect(record.headers['trace']).toBe('abc');
  });

  it('is redriven with its original bytes, key, headers and partition, and with its number of redrives', () => {
    expect(back(aLetterRecord({ headers: { trace: 'abc' }, key: Buffer.from([0xff]) }))).toMatchObject({
      record: {
        topic: 'raw_events',
        key: Buffer.from([0xff]),
        value: Buffer.from('{'),
        partition: 3,
        headers: { trace: 'abc', 'tocsin-redriven': '1' },
      },
    });
  });

  it('counts its redrives, and is not redriven beyond the limit', () => {
    const twice = aLetterRecord({ headers: { 'tocsin-redriven': '2' } });
    expect(deadLetterOf(at, twice).attempts).toBe(3);
    expect(back(twice)).toMatchObject({ record: { headers: { 'tocsin-redriven': '3' } } });
    expect(back(aLetterRecord({ headers: { 'tocsin-redriven': '3' } }))).toBe('too often');
    expect(back(aLetterRecord({ headers: { 'tocsin-redriven': 'often' } }))).toMatchObject({ record: { headers: { 'tocsin-redriven': '1' } } });
  });

  it('is the same record for every stage that refused it', () => {
    const origin = (record: LogRecord) => (back(record) as { origin: string }).origin;
    expect(origin(aLetterRecord({}, 'alert'))).toBe(origin(aLetterRecord({}, 'converge')));
    expect(origin(aLetterRecord({ value: Buffer.from('[') }))).not.toBe(origin(aLetterRecord()));
  });

  it('is redriven by its key if its partition no longer exists, and is not redriven if its original position is unknown', () => {
    expect((back(aLetterRecord(), 2) as { record: object }).record).not.toHaveProperty('partition');
    expect(back(aRecord())).toBe('unknown origin');
    expect(back(aRecord({ headers: { 'tocsin-topic': 'alerts', 'tocsin-partition': '0', 'tocsin-offset': '0' } }))).toBe('unknown origin');
  });

  it('is not redriven if it was read by a source, because its bytes have the format of the source', () => {
    expect(back(aLetterRecord({ headers: { 'tocsin-source': 'orders' } }))).toBe('of a source');
  });

  it('is found by its place, under either name of the topic', () => {
    expect(parseDeadLetterId('raw_events/3/12')).toEqual({ topic: 'raw_events', partition: 3, offset: 12 });
    expect(parseDeadLetterId('raw_events.dlq/3/12')).toEqual({ topic: 'raw_events', partition: 3, offset: 12 });
    expect(parseDeadLetterId('raw_events/3')).toBeUndefined();
  });

  it('is filtered by code and stage', () => {
    const letter = deadLetterOf(at, aLetterRecord());
    expect([{}, { code: 'T6002' }, { stage: 'detect' }].every((filter) => matchesFilter(letter, filter))).toBe(true);
    expect([{ code: 'T6001' }, { code: 'T6002', stage: 'alert' }].some((filter) => matchesFilter(letter, filter))).toBe(false);
  });

  it('is shown as text where it is text', () => {
    expect(encodedBytes(Buffer.from('ä'))).toEqual({ encoding: 'utf8', content: 'ä' });
    expect(encodedBytes(Buffer.from([0xff]))).toEqual({ encoding: 'base64', content: '/w==' });
    expect(encodedBytes(null)).toBeNull();
  });
});
