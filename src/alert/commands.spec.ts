import { anAlertEvent, NOON } from '../../test/support/builders.js';
import type { Alert, AlertUpdate } from './alert.js';
import { acknowledge, acknowledgeBody, addComment, close, closeBody, commentBody, unacknowledge, type CommandResult } from './commands.js';
import { applyEvent } from './lifecycle.js';
import { parseRequest } from '../shared/parse.js';
import { person } from '../shared/actor.js';

const open = (): Alert => (applyEvent(undefined, anAlertEvent(), NOON) as AlertUpdate).alert;
const after = (verdict: CommandResult): Alert => (verdict as AlertUpdate).alert;
const acknowledged = (): Alert => after(acknowledge(open(), {}, person('ann'), NOON));
const closed = (): Alert => after(close(open(), { reason: 'a drill' }, person('ann'), NOON));

describe('a command of a person', () => {
  it('acknowledges, with a word about why', () => {
    const verdict = acknowledge(open(), { comment: 'on it' }, person('ann'), NOON + 1) as AlertUpdate;
    expect(verdict.alert).toMatchObject({ is_acknowledged: true, acknowledged_by: 'ann', acknowledged_at: NOON + 1, updated_at: NOON + 1 });
    expect(verdict.timeline).toEqual([expect.objectContaining({ what: 'acknowledged', actor: 'ann', why: 'on it', at: NOON + 1 })]);
    expect(verdict.changes).toEqual([expect.objectContaining({ what: 'acknowledged', by: 'ann', from: 'unacknowledged', to: 'acknowledged' })]);
  });

  it('does not acknowledge twice, but keeps what else was said', () => {
    expect(acknowledge(acknowledged(), {}, person('bob'), NOON)).toEqual({ ignored: 'already_acknowledged' });
    const verdict = acknowledge(acknowledged(), { comment: 'me too' }, person('bob'), NOON) as AlertUpdate;
    expect(verdict.alert.acknowledged_by).toBe('ann');
    expect(verdict.timeline).toMatchObject([{ what: 'commented', actor: 'bob', why: 'me too' }]);
  });

  it('takes an acknowledgement back, if there is one', () => {
    expect(after(unacknowledge(acknowledged(), {}, person('bob'), NOON))).toMatchObject({ is_acknowledged: false, acknowledged_by: null });
    expect(unacknowledge(open(), {}, person('bob'), NOON)).toEqual({ ignored: 'not_acknowledged' });
  });

  it('closes', () => {
    const verdict = close(open(), { reason: 'a drill' }, person('ann'), NOON + 5) as AlertUpdate;
    expect(verdict.alert).toMatchObject({ status: 'CLOSED', end_reason: 'by hand', end_time: NOON + 5 });
    expect(verdict.timeline).toMatchObject([{ what: 'closed', actor: 'ann', why: 'a drill', transition_no: null }]);
    expect(verdict.changes).toMatchObject([{ what: 'closed', from: 'ABNORMAL', to: 'CLOSED', by: 'ann', why: 'a drill' }]);
  });

  it('finds an alert that has ended unwilling, except for comments', () => {
    expect(acknowledge(closed(), {}, person('bob'), NOON)).toEqual({ ignored: 'ended' });
    expect(unacknowledge(closed(), {}, person('bob'), NOON)).toEqual({ ignored: 'ended' });
    expect(close(closed(), { reason: 'again' }, person('bob'), NOON)).toEqual({ ignored: 'ended' });
    expect(addComment(closed(), { text: 'learned a lot' }, person('bob'), NOON).timeline).toMatchObject([
      { what: 'commented', why: 'learned a lot' },
    ]);
  });
});

describe('the body of a command', () => {
  it.each([
    ['nobody', acknowledgeBody, {}, 'by: '],
    ['an empty name', acknowledgeBody, { by: ' ' }, 'by: '],
    ['a field that does not exist', acknowledgeBody, { by: 'ann', coment: 'x' }, 'coment'],
    ['no reason', closeBody, { by: 'ann' }, 'reason: '],
    ['too much text', commentBody, { by: 'ann', text: 'x'.repeat(2001) }, 'text: '],
    ['no object at all', commentBody, null, '(body): '],
  ])('is refused with %s, and names the field', (_what, schema, body, field) => {
    expect(() => parseRequest<unknown>(schema, body)).toThrow(
      expect.objectContaining({ code: 'T1101', message: expect.stringContaining(field) as string }) as Error,
    );
  });
});
