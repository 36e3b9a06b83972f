import { commitReason, type PendingCommit } from './commit-reason.js';

describe('reason to commit a batch', () => {
  const stateful: PendingCommit = {
    isStateful: true,
    isEmpty: false,
    hasOutput: false,
    hasCheckpoint: false,
    isLeaving: false,
    sinceCommit: 999,
    commitEveryMs: 1000,
  };

  it.each([
    ['undefined: a stateful stage lets a batch without output wait', {}, undefined],
    ['output', { hasOutput: true }, 'output'],
    ['output of an empty batch', { hasOutput: true, isEmpty: true }, 'output'],
    ['undefined: an empty batch has nothing to commit', { isEmpty: true, isStateful: false, hasCheckpoint: true, isLeaving: true }, undefined],
    ['each batch of a stage without state', { isStateful: false }, 'each batch'],
    ['checkpoint', { hasCheckpoint: true }, 'checkpoint'],
    ['leaving', { isLeaving: true }, 'leaving'],
    ['commit interval elapsed', { sinceCommit: 1000 }, 'commit interval elapsed'],
  ])('%s', (_title, change, reason) => {
    expect(commitReason({ ...stateful, ...change })).toBe(reason);
  });
});
