import type { Topic } from '../../topics.js';
import type { ConsumeOptions } from './groups.js';

/** Metadata key under which `@Consume` notes what a method consumes. */
export const CONSUMES = Symbol('consumes');

export interface Consumes {
  readonly topic: Topic<unknown>;
  readonly options: ConsumeOptions;
}
