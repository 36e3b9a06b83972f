import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from './installation.js';
import type { Random } from './random.js';
import type { Replica } from './replica.js';
import { progress } from './rest.js';
import type { Kill, Scene, Trouble } from './trouble.js';

export interface KillPlan {
  /** SIGKILLs that hit a replica which was up, at least. */
  readonly kills: number;
  /** How often a replica is frozen for longer than its session, and goes on as if nothing had been. */
  readonly freezes: number;
}

/** How long a replica is left alone at most, and how long it stays dead at most (ms). */
const LONGEST_LIFE_MS = 2500;
const LONGEST_DEATH_MS = 2000;
/** A rebalance after a kill takes longer than the session of the dead. */
const WORK_WITHIN_MS = 20_000;
const BOTH = 0.2;
const EARLY = 0.15;

/** The others have taken over by then (ms); the claim of a notice still holds. */
const FROZEN_MS = { from: 7000, to: 9000 };

/** Kills random replicas at random moments and starts them again, until the plan is fulfilled. All of them run at the beginning. */
export const killing = (plan: KillPlan, replicas: number): Trouble => ({ replicas, make: (scene) => killAtRandom(scene, plan) });

async function killAtRandom({ installation, random, kills, gate }: Scene, plan: KillPlan): Promise<void> {
  const { replicas, whileDead } = installation;
  let freezes = plan.freezes;
  for (let done = 0; done < plan.kills;) {
    await gate(done, plan.kills);
    await work(installation);
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

/** Waits until something has been done since the last kill. In a group somebody has to notice the death first; alone one starts where one was killed. */
async function work({ mode, inspect }: Installation): Promise<void> {
  if (mode === 'embedded') return;
  const before = await inspect(progress);
  const end = Date.now() + WORK_WITHIN_MS;
  while (Date.now() < end && (await inspect(progress)) === before) await delay(100);
}

async function kill(replica: Replica, kind: Kill['kind'], kills: Kill[]): Promise<boolean> {
  const killed = await replica.kill();
  if (killed) kills.push({ replica: replica.name, at: Date.now(), kind });
  return killed;
}

/** Stops a replica for longer than its session; then it wakes up as the owner of what is others' by then. */
export async function freeze(replica: Replica, random: Random, kills: Kill[]): Promise<void> {
  const at = Date.now();
  if (!replica.freeze()) return;
  kills.push({ replica: replica.name, at, kind: 'frozen' });
  await delay(random.between(FROZEN_MS.from, FROZEN_MS.to));
  replica.thaw();
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
