type Release = () => void | Promise<void>;

/** What a process has opened, as the steps that release it. */
export class Opened {
  readonly #releases: Release[] = [];

  /** To be called right after something was opened. */
  add(release: Release): void {
    this.#releases.push(release);
  }

  /** Releases what was opened last first. One that fails does not keep the others; its error is thrown at the end. */
  async release(): Promise<void> {
    const errors: unknown[] = [];
    for (const release of this.#releases.splice(0).reverse()) {
      try {
        await release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

/** Opens something that stays open. A failure releases what was opened until then, and is thrown. */
export async function opening<T>(open: (opened: Opened) => Promise<T>): Promise<T> {
  const opened = new Opened();
  try {
    return await open(opened);
  } catch (error) {
    await opened.release().catch(() => undefined);
    throw error;
  }
}

/** Works with what it opens, and releases it at the end in any case. */
export async function whileOpen<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
  return opening(async (opened) => {
    const result = await work(opened);
    await opened.release();
    return result;
  });
}
