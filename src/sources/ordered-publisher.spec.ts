import { OrderedPublisher } from './ordered-publisher.js';

/** A destination whose publishes the test confirms or rejects. */
class Place {
  readonly arrived: string[] = [];
  readonly publishes: (readonly string[])[] = [];
  readonly #answers: { resolve: () => void; reject: (error: Error) => void }[] = [];

  readonly publish = (items: readonly string[]): Promise<void> => {
    this.publishes.push(items);
    return new Promise((resolve, reject) => this.#answers.push({ resolve, reject }));
  };

  async confirm(): Promise<void> {
    this.arrived.push(...this.publishes.at(-1)!);
    this.#answers.pop()!.resolve();
    await settled();
  }

  async refuse(): Promise<void> {
    this.#answers.pop()!.reject(new Error('no'));
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const anOutlet = (place: Place, most = 100) => new OrderedPublisher<string>({ publish: place.publish, wait: () => Promise.resolve(), most });

describe('an outlet', () => {
  it('publishes one at a time, and what came meanwhile together', async () => {
    const place = new Place();
    const outlet = anOutlet(place);
    const done: string[] = [];
    for (const name of ['a', 'b', 'c']) outlet.push([name], () => done.push(name));
    expect(place.publishes).toEqual([['a']]);
    await place.confirm();
    expect(done).toEqual(['a']);
    expect(place.publishes).toEqual([['a'], ['b', 'c']]);
    await place.confirm();
    expect(done).toEqual(['a', 'b', 'c']);
  });

  it('repeats what fails before anything else leaves', async () => {
    const place = new Place();
    const outlet = anOutlet(place);
    const done: string[] = [];
    outlet.push(['a'], () => done.push('a'));
    outlet.push(['b'], () => done.push('b'));
    await place.refuse();
    await place.refuse();
    expect(place.publishes).toEqual([['a'], ['a'], ['a']]);
    await place.confirm();
    await place.confirm();
    expect(place.arrived).toEqual(['a', 'b']);
    expect(done).toEqual(['a', 'b']);
  });

  it('takes no more than its bound in one publish, unless a single push has more', async () => {
    const place = new Place();
    const outlet = anOutlet(place, 3);
    outlet.push(['first'], () => undefined);
    outlet.push(['a', 'b'], () => undefined);
    outlet.push(['c', 'd'], () => undefined);
    outlet.push(['e', 'f', 'g', 'h'], () => undefined);
    for (let i = 0; i < 4; i++) await place.confirm();
    expect(place.publishes).toEqual([['first'], ['a', 'b'], ['c', 'd'], ['e', 'f', 'g', 'h']]);
  });

  it('says of nothing that it is done after it was closed, and tries no more', async () => {
    const place = new Place();
    const outlet = anOutlet(place);
    const done: string[] = [];
    outlet.push(['a'], () => done.push('a'));
    outlet.push(['b'], () => done.push('b'));
    outlet.close();
    await place.refuse();
    expect(done).toEqual([]);
    expect(place.publishes).toEqual([['a']]);
  });
});
