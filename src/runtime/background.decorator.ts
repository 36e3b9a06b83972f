import { MethodDecoration } from '../shared/discovery.service.js';
import type { PeriodicTask } from '../shared/periodic-task.js';

/** Methods that return a background task; undefined when the settings require none. */
export const backgroundTask = new MethodDecoration<true, () => PeriodicTask | undefined>('background task');

/** Starts and stops the periodic task that the method returns with the background work of this process. */
export const Background = () => backgroundTask.with(true);
