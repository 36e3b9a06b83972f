import type { Mood } from './families.js';
import type { Random } from './random.js';

/** One series in so many is bad for very long, so that "still abnormal" is said of it. */
const LONG_SUFFERING = 12;

/** How one series feels, round by round: calm for long, then bad for a while, sometimes worse, sometimes hardly at all. */
export class Moods {
  #mood: Mood = 'calm';
  /** Rounds that the mood has still to last. */
  #left: number;
  /** Calm in every other round, as something that flaps. */
  #flutters = false;
  #even = false;

  constructor(
    private readonly random: Random,
    private readonly index: number,
  ) {
    this.#left = random.whole(2, 40);
  }

  /** The mood of the next round. */
  next(): Mood {
    if (this.#left-- <= 0) this.#turn();
    this.#even = !this.#even;
    return this.#flutters && this.#even ? 'calm' : this.#mood;
  }

  /** Something from outside makes the series bad for so many rounds. */
  strike(mood: Mood, rounds: number): void {
    this.#mood = mood;
    this.#left = rounds;
    this.#flutters = false;
  }

  #turn(): void {
    const { random } = this;
    if (this.#mood !== 'calm' && !random.chance(0.3)) {
      this.strike('calm', random.whole(10, 60));
      return;
    }
    const rounds = this.index % LONG_SUFFERING === 0 ? random.whole(32, 45) : random.whole(2, 14);
    this.strike(this.#mood === 'warning' || random.chance(0.3) ? 'fatal' : 'warning', rounds);
    this.#flutters = random.chance(0.15);
  }
}
