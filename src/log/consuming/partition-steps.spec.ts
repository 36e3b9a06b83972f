import { PoisonError } from '../../shared/errors.js';
import type { LogRecord } from '../event-log.js';
import { FencedError } from '../fenced-error.js';
import { batchFailure, pauseCheck, poisonOutcomes, suspicion, unhandled } from './partition-steps.js';

const record = (offset: number): LogRecord => ({ offset, timestamp: 0, key: null, value: null, headers: {} });

describe('steps of a partition consumer', () => {
  it('pause check: defers a paused or halted partition with its reason, and no other', () => {
    expect(pauseCheck(undefined)).toBeUndefined();
    expect(pauseCheck({ kind: 'paused', why: 'maintenance' })).toEqual({ reason: 'paused', why: 'maintenance' });
    expect(pauseCheck({ kind: 'stopped', why: 'poison' })).toEqual({ reason: 'halted', why: 'poison' });
  });

  it('gap check: looks at the log when the batch does not begin at the position', () => {
    expect(suspicion(record(7), 7)).toBeUndefined();
    expect(suspicion(record(8), 7)).toBe('hole before the batch');
    expect(suspicion(undefined, 7)).toBe('nothing at the position');
  });

  it('skips records below the position', () => {
    expect(unhandled([5, 6, 7, 8].map(record), 7).map(({ offset }) => offset)).toEqual([7, 8]);
  });

  it('failure: poison, fenced, a passing failure of the database, or a bug', () => {
    expect(batchFailure(new PoisonError('T6007', 'no'))).toBe('poison');
    expect(batchFailure(new FencedError('epoch 1 has ended'))).toBe('fenced');
    expect(batchFailure(Object.assign(new Error('deadlock'), { errno: 1213 }))).toBe('conflict');
    expect(batchFailure(new TypeError('bug'))).toBe('error');
  });

  it('poison limit: judges every handled record in order', () => {
    expect(poisonOutcomes([5, 6, 7].map(record), [{ record: record(6) }])).toEqual([false, true, false]);
  });
});
