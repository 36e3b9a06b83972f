type Release = () => void | Promise<void>;

/** Resources that a process has opened, as the functions that release them. */
export class Opened {
  readonly #releases: Release[] = [];

  /** Must be called right after the resource was opened. */
  add(release: Release): void {
    this.#releases.push(release);
  }

  /** Releases the resources in reverse order. A failure does not prevent the others; the first error is thrown at the end. */
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

/** Opens resources that stay open. A failure releases those that are already open, and is rethrown. */
export async function opening<T>(open: (opened: Opened) => Promise<T>): Promise<T> {
  const opened = new Opened();
  try {
    return await open(opened);
  } catch (error) {
    await opened.release().catch(() => undefined);
    throw error;
  }
}

/** Runs `work`, and releases the resources that it opened when it succeeds or fails. */
export async function whileOpen<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
  return opening(async (opened) => {
    const result = await work(opened);
    await opened.release();
    return result;
  });
}
