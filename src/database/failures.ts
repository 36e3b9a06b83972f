/** The connection was lost during COMMIT: the transaction may or may not be durable. */
export class AmbiguousCommitError extends Error {
  constructor(cause: unknown) {
    super('connection lost during COMMIT', { cause });
    this.name = 'AmbiguousCommitError';
  }
}

const lost = new Set(['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ETIMEDOUT', 'ER_SERVER_SHUTDOWN', 'ER_CONNECTION_KILLED']);
const lostNumbers = new Set([1053, 1927, 2006, 2013]);

const passing = new Set([
  1040, // too many connections
  1205, // lock wait timeout
  1213, // deadlock
  1290, // read-only
  1836, // read-only mode
  1021, // disk full
  1129, // host blocked
  1203, // too many user connections
]);

interface DriverError {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly driverError?: unknown;
  readonly cause?: unknown;
}

function chain(error: unknown): DriverError[] {
  const found: DriverError[] = [];
  for (let next: unknown = error; typeof next === 'object' && next !== null && found.length < 5;) {
    const current = next as DriverError;
    found.push(current);
    next = current.driverError ?? current.cause;
  }
  return found;
}

/** True when the error means that the database connection was lost, so that the outcome of the statement is unknown. */
export function isConnectionLoss(error: unknown): boolean {
  return chain(error).some(
    ({ code, errno }) =>
      lost.has(String(code)) ||
      lostNumbers.has(Number(errno)) ||
      /connection is in closed state|connection closed/i.test(String((error as Error).message)),
  );
}

/** Reason why a retry may succeed (the label of the retry metric); undefined when the error is not a transient database failure. */
export function passingTrouble(error: unknown): 'connection' | 'conflict' | 'unavailable' | undefined {
  if (error instanceof AmbiguousCommitError || isConnectionLoss(error)) return 'connection';
  for (const { code, errno } of chain(error)) {
    if (errno === 1205 || errno === 1213) return 'conflict';
    if (passing.has(Number(errno)) || String(code).startsWith('SQLITE_BUSY') || code === 'SQLITE_FULL') return 'unavailable';
  }
  return undefined;
}
