import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from './installation.js';
import type { Random } from './random.js';
import type { Replica } from './replica.js';

export interface KillPlan {
  /** SIGKILLs that hit a replica which was up, at least. */
  readonly kills: number;
  /** How often a replica is frozen for longer than its session, and goes on as if nothing had been. */
  readonly freezes: number;
  /** Waits until the workload is far enough for the next kill; `share` of the kills is done. */
  readonly gate: (share: number) => Promise<void>;
  /** Waits until the installation has done some work since the last kill. */
  readonly work: () => Promise<void>;
  readonly random: Random;
}

export interface Kill {
  readonly replica: string;
  /** Epoch ms. */
  readonly at: number;
  /** `killed early`: it had not come up yet after the kill before. */
  readonly kind: 'killed' | 'killed early' | 'frozen';
}

/** How long a replica is left alone at most, and how long it stays dead at most (ms). */
const LONGEST_LIFE_MS = 2500;
const LONGEST_DEATH_MS = 2000;
const BOTH = 0.2;
const EARLY = 0.15;

/** The others have taken over by then (ms); the claim of a notice still holds. */
const FROZEN_MS = { from: 7000, to: 9000 };

/** Kills random replicas at random moments and starts them again, until the plan is fulfilled; `kills` is the list to which each is added. */
export async function killAtRandom({ replicas, whileDead }: Installation, plan: KillPlan, kills: Kill[]): Promise<void> {
  const { random } = plan;
  let freezes = plan.freezes;
  for (let done = 0; done < plan.kills;) {
    await plan.gate(done / plan.kills);
    await plan.work();
    await delay(random.between(0, LONGEST_LIFE_MS));
    if (random.chance(freezes / (plan.kills - done))) {
      freezes--;
      await freeze(random.pick(replicas), random, kills);
      continue;
    }
    const victims = replicas.length > 1 && random.chance(BOTH) ? replicas : [random.pick(replicas)];
    const killed = await Promise.all(victims.map((victim) => kill(victim, 'killed', kills)));
    done += killed.filter(Boolean).length;
    if (replicas.every(({ alive }) => !alive)) await whileDead();
    await Promise.all(victims.map((victim) => revive(victim, random, kills)));
  }
}

async function kill(replica: Replica, kind: Kill['kind'], kills: Kill[]): Promise<boolean> {
  const killed = await replica.kill();
  if (killed) kills.push({ replica: replica.name, at: Date.now(), kind });
  return killed;
}

async function freeze(replica: Replica, random: Random, kills: Kill[]): Promise<void> {
  const at = Date.now();
  if (await replica.freeze(random.between(FROZEN_MS.from, FROZEN_MS.to))) kills.push({ replica: replica.name, at, kind: 'frozen' });
}

/** Starts a dead replica after a while; now and then it is killed again while it comes up. */
async function revive(replica: Replica, random: Random, kills: Kill[]): Promise<void> {
  await delay(random.between(0, LONGEST_DEATH_MS));
  if (random.chance(EARLY)) {
    replica.spawn();
    await delay(random.between(100, 2500));
    await kill(replica, 'killed early', kills);
  }
  await replica.start();
}
