import { Injectable } from '@nestjs/common';

/** Answers in sentences what hangs on the present partition of keys that would move. */
export type GrowthGuard = (moves: (key: string) => boolean) => Promise<readonly string[]>;

/** Where stages say what must be settled before a key of a topic may get another partition. */
@Injectable()
export class GrowthGuards {
  readonly #guards: { readonly topic: string; readonly guard: GrowthGuard }[] = [];

  guard(topic: string, guard: GrowthGuard): void {
    this.#guards.push({ topic, guard });
  }

  async ask(topic: string, moves: (key: string) => boolean): Promise<string[]> {
    const answers = await Promise.all(this.#guards.filter((each) => each.topic === topic).map(({ guard }) => guard(moves)));
    return answers.flat();
  }
}
