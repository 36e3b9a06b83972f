import { Injectable } from '@nestjs/common';
import type { PartitionExpansionCheck } from './partition-expansion-check.decorator.js';

/** Checks of all stages that run before a key of a topic moves to another partition. */
@Injectable()
export class PartitionExpansionChecks {
  readonly #checks: { readonly topic: string; readonly check: PartitionExpansionCheck }[] = [];

  add(topic: string, check: PartitionExpansionCheck): void {
    this.#checks.push({ topic, check });
  }

  /** Returns the reasons against the expansion, in sentences. */
  async reasonsAgainst(topic: string, moves: (key: string) => boolean): Promise<string[]> {
    const answers = await Promise.all(this.#checks.filter((each) => each.topic === topic).map(({ check }) => check(moves)));
    return answers.flat();
  }
}
