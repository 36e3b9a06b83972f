import { actorOf } from './actor.js';

describe('the actor of a request', () => {
  it.each<[string, unknown, string | undefined, string]>([
    ['the field by of the body', { by: ' ann ' }, undefined, 'ann'],
    ['the field by before the header', { by: 'ann' }, 'bob', 'ann'],
    ['the header x-user', { name: 'x' }, 'bob', 'bob'],
    ['the header when by is blank', { by: ' ' }, 'bob', 'bob'],
    ['the header when by is no text', { by: 1 }, 'bob', 'bob'],
    ['the header when the body is bytes', Buffer.from('by: ann'), 'bob', 'bob'],
    ['api when the request names nobody', undefined, undefined, 'api'],
    ['api when the header is blank', null, ' ', 'api'],
    ['no more than 128 characters of a name', { by: 'x'.repeat(200) }, undefined, 'x'.repeat(128)],
  ])('is %s', (_what, body, user, name) => {
    expect(actorOf({ headers: { 'x-user': user }, body })).toEqual({ kind: 'person', name });
  });
});
