import { Injectable } from '@nestjs/common';
import type { PartitionExpansionCheck } from './partition-expansion-check.decorator.js';

/** What the stages check before a key of a topic may move to another partition. */
@Injectable()
export class PartitionExpansionChecks {
  readonly #checks: { readonly topic: string; readonly check: PartitionExpansionCheck }[] = [];

  add(topic: string, check: PartitionExpansionCheck): void {
    this.#checks.push({ topic, check });
  }

  /** Everything that must be settled first, in sentences. */
  async reasonsAgainst(topic: string, moves: (key: string) => boolean): Promise<string[]> {
    const answers = await Promise.all(this.#checks.filter((each) => each.topic === topic).map(({ check }) => check(moves)));
    return answers.flat();
  }
}
