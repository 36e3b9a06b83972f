import { setTimeout as delay } from 'node:timers/promises';
import { isExternalGroup } from '../../src/log/consuming/groups.js';
import { sleep } from '../../src/shared/wait.js';
import { eventually } from '../support/eventually.js';
import type { Installation } from './installation.js';
import { freeze } from './killer.js';
import type { Replica } from './replica.js';
import { type Owned, standings } from './rest.js';
import { type Standstill, Standstills } from './standstill.js';
import type { Scene, Trouble } from './trouble.js';

/** Time between two looks at where every group is (ms). */
const LOOK_EVERY_MS = 100;
const SETTLED_WITHIN_MS = 120_000;
/** A phase lasts at least so long (ms), so that it sees some of the load. */
const PHASE_MS = 1000;

export interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly standstill: Standstill;
}

/** One replica becomes two, then four; the first `restarts` of them are restarted; one is frozen for longer than its session; then there is one again. */
export class Scaling implements Trouble {
  readonly replicas = 1;
  readonly phases: Phase[] = [];
  readonly #standstills = new Standstills();
  /** Where the stages were at the latest look. */
  #stages: readonly Owned[] = [];

  constructor(private readonly restarts: number) {}

  async make(scene: Scene): Promise<void> {
    const over = new AbortController();
    await Promise.all([this.#phases(scene).finally(() => over.abort()), this.#watch(scene.installation, over.signal)]);
  }

  async #watch(installation: Installation, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const all = await installation.inspect(standings);
      this.#standstills.note(all, Date.now());
      this.#stages = all.filter(({ group }) => !isExternalGroup(group));
      await sleep(LOOK_EVERY_MS, over);
    }
  }

  async #phases(scene: Scene): Promise<void> {
    const { random, kills } = scene;
    const [one, two, three, four] = scene.installation.replicas as [Replica, Replica, Replica, Replica];
    const all = [one, two, three, four];
    await this.#phase(scene, 'one', () => this.#atWork([one]));
    await this.#phase(scene, '1 → 2', async () => {
      await two.start();
      await this.#atWork([one, two]);
    });
    await this.#phase(scene, '2 → 4', async () => {
      await Promise.all([three.start(), four.start()]);
      await this.#atWork(all);
    });
    await this.#phase(scene, 'rolling restart', async () => {
      for (const replica of all.slice(0, this.restarts)) {
        await replica.stop();
        await replica.start();
        await this.#atWork(all);
      }
    });
    await this.#phase(scene, 'one frozen', async () => {
      await freeze(three, random, kills);
      await this.#atWork(all);
    });
    await this.#phase(scene, '4 → 1', async () => {
      for (const replica of [four, three, two]) await replica.stop();
      await this.#atWork([one]);
    });
  }

  async #phase({ say }: Scene, name: string, work: () => Promise<void>): Promise<void> {
    const began = Date.now();
    const least = delay(PHASE_MS);
    await work();
    await least;
    const phase = { name, seconds: (Date.now() - began) / 1000, standstill: this.#standstills.take() };
    this.phases.push(phase);
    say(inWords(phase));
  }

  /** Waits until these replicas have all partitions of every stage, each of them some of each, and something of each has taken effect since now. */
  async #atWork(replicas: readonly Replica[]): Promise<void> {
    const names = replicas.map(({ name }) => name);
    const before = new Map(this.#stages.map((each) => [placeOf(each), each.next]));
    const settled = (): boolean => {
      const moved = this.#stages.filter((each) => each.next > (before.get(placeOf(each)) ?? 0));
      return sharedOut(this.#stages, names) && names.every((name) => moved.some(({ owner }) => owner === name));
    };
    await eventually(settled, `everything is in the hands of ${names.join(', ')}, and each is at work`, SETTLED_WITHIN_MS);
  }
}

const placeOf = ({ group, topic, partition }: Owned): string => `${group} ${topic}/${partition}`;

const inWords = ({ name, seconds, standstill: { ms, where } }: Phase): string =>
  `${name}: ${seconds.toFixed(1)} s, longest time without progress ${ms} ms (${where})`;

function sharedOut(owned: readonly Owned[], names: readonly string[]): boolean {
  const owners = new Map<string, Set<string>>();
  for (const { group, owner } of owned) owners.set(group, (owners.get(group) ?? new Set()).add(owner));
  return [...owners.values()].every((set) => set.size === names.length && names.every((name) => set.has(name)));
}
