import { Injectable } from '@nestjs/common';
import { Config } from '../../config.js';
import { Discovery, MethodDecoration } from '../../shared/discovery.service.js';
import { TocsinError } from '../../shared/errors.js';
import { CONSUMES, type Consumes } from './consumes.js';
import { storedState } from './stored-state.decorator.js';

const handlers = new MethodDecoration<Consumes, (batch: never) => unknown>('handler', CONSUMES);

/** The consumer groups that `@Consume` names in the modules of this process. */
@Injectable()
export class ConsumerGroups {
  constructor(
    private readonly discovery: Discovery,
    private readonly config: Config,
  ) {}

  /** Each group once, in the order of the modules. */
  all(): string[] {
    return [...new Set(this.discovery.methods(handlers).map(({ metadata }) => metadata.options.group))];
  }

  /** For a process that consumes nothing: throws when a module declares a consumer group, because no transport would serve it. */
  refuseAll(): void {
    const [first] = this.discovery.methods(handlers);
    if (first) throw new Error(`${first.where} consumes a topic, but this process serves no consumer group`);
  }

  /**
   * Throws {@link TocsinError} T5001 when COMMIT_POLICY or STAGE_BATCH_RECORDS names a group that does not exist, and an error when state is
   * stored for one.
   */
  check(): void {
    const known = this.all();
    const { COMMIT_POLICY, STAGE_BATCH_RECORDS } = this.config;
    const named = { COMMIT_POLICY: COMMIT_POLICY.exceptions.keys(), STAGE_BATCH_RECORDS: STAGE_BATCH_RECORDS.keys() };
    const problems = Object.entries(named).flatMap(([setting, groups]) => {
      const unknown = [...groups].filter((group) => !known.includes(group));
      return unknown.length > 0 ? [`${setting} names ${unknown.join(', ')}`] : [];
    });
    if (problems.length > 0) throw new TocsinError('T5001', `${problems.join('; ')}: the consumer groups are ${known.join(', ')}`);
    for (const [group, { where }] of this.discovery.named(storedState, (name) => name)) {
      if (!known.includes(group)) throw new Error(`${where} stores the state of the consumer group "${group}", which no handler consumes`);
    }
  }
}
