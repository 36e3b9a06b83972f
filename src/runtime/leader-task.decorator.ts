import { MethodDecoration } from '../shared/discovery.service.js';

export const leaderTask = new MethodDecoration<string, (now: number) => Promise<number>>('leader-elected task');
export const leadershipLost = new MethodDecoration<string, () => void>('end of leadership');

/**
 * Makes a method a leader-elected task: one replica at a time calls it with the time (epoch ms), and again after the number of milliseconds that it
 * returns, or after `Duties.wake(name)`. A rejection is logged and retried. The method must guard its writes (conditional updates), because a
 * leader that was paused may resume late.
 */
export const LeaderTask = (name: string) => leaderTask.with(name);

/** The method is called when another replica has become the leader of the task. */
export const LeadershipLost = (name: string) => leadershipLost.with(name);
