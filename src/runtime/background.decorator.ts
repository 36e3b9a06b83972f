import { MethodDecoration } from '../shared/discovery.service.js';
import type { PeriodicTask } from '../shared/periodic-task.js';

/** Methods that answer a task for the background; undefined: the settings need none. */
export const backgroundTask = new MethodDecoration<true, () => PeriodicTask | undefined>('background task');

/** Has the periodic task that the method answers started and stopped with the background work of this process. */
export const Background = () => backgroundTask.with(true);
