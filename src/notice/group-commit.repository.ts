import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';

/** Writes in one transaction at most. */
const MOST = 64;

interface Piece {
  /** Does the work; the function that it returns resolves the caller's promise after the commit. */
  readonly work: () => Promise<() => void>;
  readonly reject: (reason: unknown) => void;
}

/**
 * Group commit: small concurrent writes share a transaction, because a commit costs more than the writes. Each promise resolves after the
 * commit. When one write fails, each is repeated in a transaction of its own, so writes must be repeatable. Not to be used inside a transaction.
 */
@Injectable()
export class GroupCommit {
  #waiting: Piece[] = [];
  #running = false;

  constructor(private readonly database: Database) {}

  run<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const piece = async (): Promise<() => void> => {
        const answer = await work();
        return () => resolve(answer);
      };
      this.#waiting.push({ work: piece, reject });
      if (!this.#running) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#running = true;
    // Writes of the same event loop turn join the transaction.
    await nextTurn();
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, MOST));
    this.#running = false;
  }

  async #commit(pieces: readonly Piece[]): Promise<void> {
    try {
      const answers = await this.database.transaction(async () => {
        const done: (() => void)[] = [];
        for (const { work } of pieces) done.push(await work());
        return done;
      });
      for (const answer of answers) answer();
    } catch (error) {
      if (pieces.length === 1) pieces[0]!.reject(error);
      else for (const piece of pieces) await this.#commit([piece]);
    }
  }
}
