/** Hears about single events, for histograms. */
export interface ProducerObserver {
  /** A caller's records of one partition were confirmed so long after they were handed in. */
  confirmed(topic: string, seconds: number): void;
  /** A batch was confirmed: its records, and the bytes that went over the wire. */
  batch(topic: string, records: number, bytes: number): void;
}

const NOBODY: ProducerObserver = { confirmed: () => undefined, batch: () => undefined };

/** What the producers of this process did: read by the metrics, changed by nobody else. */
export class ProducerWatch {
  observer = NOBODY;
  readonly records = new Map<string, number>();
  /** By topic and reason. */
  readonly retries = new Map<string, number>();
  readonly failures = new Map<string, number>();
  /** For each cluster: bytes of records that wait or are on their way. */
  readonly buffers: (() => number)[] = [];
  /** Calls that had to wait for room. */
  waits = 0;

  confirmed(topic: string, records: number, seconds: number): void {
    add(this.records, topic, records);
    this.observer.confirmed(topic, seconds);
  }

  batch(topic: string, records: number, bytes: number): void {
    this.observer.batch(topic, records, bytes);
  }

  retried(topic: string, reason: string): void {
    add(this.retries, `${topic} ${reason}`, 1);
  }

  failed(topic: string, reason: string, records: number): void {
    add(this.failures, `${topic} ${reason.replaceAll(' ', '_')}`, records);
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
