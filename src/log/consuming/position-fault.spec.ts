import { positionFault } from './position-fault.js';

describe('fault of a position', () => {
  const bounds = { low: 10, high: 20 };

  it('is none while every record that is needed is in the log, up to the log end offset itself', () => {
    expect(positionFault({ committed: 10, position: 10 }, bounds)).toBeUndefined();
    expect(positionFault({ committed: 20, position: 20 }, bounds)).toBeUndefined();
  });

  it('is T6102 for a cursor beyond the log end offset', () => {
    expect(positionFault({ committed: 21, position: 21 }, bounds)).toEqual({ code: 'T6102', why: 'cursor 21 is beyond the log end offset 20' });
  });

  it('is T6102 when only the records since the checkpoint are in the log', () => {
    expect(positionFault({ committed: 21, position: 15 }, bounds)?.code).toBe('T6102');
  });

  it('is T6101 when retention has deleted records that the state still needs', () => {
    expect(positionFault({ committed: 15, position: 8 }, bounds)).toEqual({ code: 'T6101', why: 'records 8 to 9 were deleted from the log' });
  });
});
