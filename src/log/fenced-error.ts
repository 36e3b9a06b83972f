/** Another replica owns the partition, or its cursor has moved: this replica must drop its state of the partition and claim it again. */
export class FencedError extends Error {
  constructor(detail: string) {
    super(`partition lost: ${detail}`);
    this.name = 'FencedError';
  }
}
