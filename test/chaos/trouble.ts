import type { Installation } from './installation.js';
import type { Random } from './random.js';

export interface Kill {
  readonly replica: string;
  /** Epoch ms. */
  readonly at: number;
  /** `killed early`: it had not come up yet after the kill before. */
  readonly kind: 'killed' | 'killed early' | 'frozen';
}

/** What a trouble has to do with. */
export interface Scene {
  readonly installation: Installation;
  readonly random: Random;
  /** Every kill and every freeze is added to it. */
  readonly kills: Kill[];
  readonly say: (line: string) => void;
  /** Waits until the load is far enough for the next of `all` blows, of which `done` are done. */
  gate(done: number, all: number): Promise<void>;
}

/** What is done to an installation under load. */
export interface Trouble {
  /** How many replicas run when it begins; the others are its business. */
  readonly replicas: number;
  /** When it resolves nothing is done to the installation any more. */
  make(scene: Scene): Promise<void>;
}
