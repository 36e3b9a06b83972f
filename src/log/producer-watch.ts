/** Callbacks for single events, for histograms. */
export interface ProducerObserver {
  /** The records of one call and partition were confirmed after `seconds`. */
  confirmed(topic: string, seconds: number): void;
  /** A batch was confirmed: number of records, and bytes on the wire. */
  batch(topic: string, records: number, bytes: number): void;
}

const NOBODY: ProducerObserver = { confirmed: () => undefined, batch: () => undefined };

/** Counters of the producers of this process; the metrics only read them. */
export class ProducerWatch {
  observer = NOBODY;
  readonly records = new Map<string, number>();
  /** By topic and reason. */
  readonly retries = new Map<string, number>();
  readonly failures = new Map<string, number>();
  /** Bytes of buffered and in-flight records, a function for each cluster. */
  readonly buffers: (() => number)[] = [];
  /** Calls that waited for free buffer memory. */
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
