/** Expected load and requirements of the installation. */
export interface PlanInput {
  readonly events_per_day: number;
  /** Peak rate divided by mean rate. */
  readonly peak_factor: number;
  /** Size of an event as JSON. */
  readonly event_bytes: number;
  /** Events per record of raw_events; 1 if senders send events one by one. */
  readonly events_per_record: number;
  /** Uncompressed bytes divided by compressed bytes. */
  readonly compression_ratio: number;
  readonly retention_hours: number;
  readonly replication: number;
  readonly brokers: number;
  /** Fraction of events that produce an alert message. */
  readonly alert_share: number;
  readonly alert_bytes: number;
  /** Fraction of the disk to keep free. */
  readonly disk_reserve: number;
  /** Target CPU utilisation at peak. */
  readonly utilisation: number;
  /** Replicas that may be down at peak. */
  readonly spare_replicas: number;
  /** Replicas that the partition count must support; 0: twice the required replicas. */
  readonly target_replicas: number;
  /** Events per second and core. */
  readonly access_rate: number;
  readonly detect_rate: number;
  /** Alert messages per second and core, for Alert, Converge and Notice together. */
  readonly alert_rate: number;
  /** Maximum throughput of a partition. */
  readonly partition_bytes_per_second: number;
}

export const planDefaults: Omit<PlanInput, 'events_per_day'> = {
  peak_factor: 5,
  event_bytes: 300,
  events_per_record: 10,
  compression_ratio: 4,
  retention_hours: 72,
  replication: 3,
  brokers: 3,
  alert_share: 0.01,
  alert_bytes: 1500,
  disk_reserve: 0.4,
  utilisation: 0.5,
  spare_replicas: 1,
  target_replicas: 0,
  access_rate: 40_000,
  detect_rate: 60_000,
  alert_rate: 2_500,
  partition_bytes_per_second: 5 * 1024 * 1024,
};

/** One step of the calculation. */
export interface Step {
  readonly name: string;
  readonly formula: string;
  /** The formula with numbers. */
  readonly worked: string;
  readonly value: number;
  readonly unit: string;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly partitions: number;
  readonly replicas: number;
  readonly disk_bytes_per_broker: number;
  readonly in_bytes_per_second: number;
  readonly out_bytes_per_second: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly commands: readonly string[];
  readonly warnings: readonly string[];
}

/** Offset, time, key, length and headers of a record, and its share of the batch (bytes). */
const RECORD_OVERHEAD = 70;
/** alerts, alert_status and converged_alerts; dead-letter topics are normally empty. */
const ALERT_TOPICS = 3;
/** Two groups read alerts, one converged_alerts, and one more may read alert_status. */
const ALERT_READERS = 4;
/** Highly composite numbers, so that partitions divide evenly among replicas. */
const PARTITIONS = [12, 24, 48, 96, 192, 384, 768];

const plain = (value: number): string =>
  Number.isInteger(value) || Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(4)));

/** Records every value with its formula. */
class Sheet {
  readonly steps: Step[] = [];

  write(name: string, unit: string, formula: string, worked: string, value: number): number {
    this.steps.push({ name, formula, worked: `${worked} = ${plain(value)}`, value, unit });
    return value;
  }
}

/** Capacity for a load. The input must have passed {@link planFlaws}. */
export function plan(input: PlanInput): Plan {
  const sheet = new Sheet();
  const mean = sheet.write(
    'events per second, mean',
    'events/s',
    'events_per_day / 86400',
    `${plain(input.events_per_day)} / 86400`,
    input.events_per_day / 86_400,
  );
  const peak = sheet.write(
    'events per second, peak',
    'events/s',
    'mean * peak_factor',
    `${plain(mean)} * ${input.peak_factor}`,
    mean * input.peak_factor,
  );
  const stored = storedBytes(sheet, input);
  const traffic = bandwidth(sheet, input, peak, stored);
  const disk = diskSpace(sheet, input, stored);
  const replicas = replicasFor(sheet, input, peak);
  const partitions = partitionsFor(sheet, input, peak * stored * input.compression_ratio, replicas);
  return {
    steps: sheet.steps,
    partitions,
    replicas,
    disk_bytes_per_broker: Math.ceil(disk),
    in_bytes_per_second: Math.ceil(traffic.in),
    out_bytes_per_second: Math.ceil(traffic.out),
    ...suggestion(input, partitions),
    warnings: planWarnings(input, replicas, partitions),
  };
}

function storedBytes(sheet: Sheet, { event_bytes, events_per_record, compression_ratio }: PlanInput): number {
  return sheet.write(
    'event size in the log',
    'bytes',
    `(event_bytes + ${RECORD_OVERHEAD} / events_per_record) / compression_ratio`,
    `(${event_bytes} + ${RECORD_OVERHEAD} / ${events_per_record}) / ${compression_ratio}`,
    (event_bytes + RECORD_OVERHEAD / events_per_record) / compression_ratio,
  );
}

function bandwidth(sheet: Sheet, input: PlanInput, peak: number, stored: number): { in: number; out: number } {
  const { alert_share, alert_bytes, compression_ratio, replication, brokers } = input;
  const raw = sheet.write('inbound raw_events', 'bytes/s', 'peak * stored', `${plain(peak)} * ${plain(stored)}`, peak * stored);
  const alerts = sheet.write(
    'inbound alert topics',
    'bytes/s',
    `peak * alert_share * alert_bytes * ${ALERT_TOPICS} / compression_ratio`,
    `${plain(peak)} * ${alert_share} * ${alert_bytes} * ${ALERT_TOPICS} / ${compression_ratio}`,
    (peak * alert_share * alert_bytes * ALERT_TOPICS) / compression_ratio,
  );
  const into = sheet.write(
    'inbound per broker, with replication',
    'bytes/s',
    '(raw + alerts) * replication / brokers',
    `(${plain(raw)} + ${plain(alerts)}) * ${replication} / ${brokers}`,
    ((raw + alerts) * replication) / brokers,
  );
  const out = sheet.write(
    'outbound per broker: Detect, alert consumers, replication',
    'bytes/s',
    `(raw * (1 + replication - 1) + alerts * (${ALERT_READERS} / ${ALERT_TOPICS} + replication - 1)) / brokers`,
    `(${plain(raw)} * ${replication} + ${plain(alerts)} * (${ALERT_READERS} / ${ALERT_TOPICS} + ${replication - 1})) / ${brokers}`,
    (raw * replication + alerts * (ALERT_READERS / ALERT_TOPICS + replication - 1)) / brokers,
  );
  return { in: into, out };
}

function diskSpace(sheet: Sheet, input: PlanInput, stored: number): number {
  const { events_per_day, retention_hours, replication, brokers, disk_reserve, alert_share, alert_bytes, compression_ratio } = input;
  const perDay = sheet.write(
    'bytes per day, without replication',
    'bytes',
    `events_per_day * (stored + alert_share * alert_bytes * ${ALERT_TOPICS} / compression_ratio)`,
    `${plain(events_per_day)} * (${plain(stored)} + ${alert_share} * ${alert_bytes} * ${ALERT_TOPICS} / ${compression_ratio})`,
    events_per_day * (stored + (alert_share * alert_bytes * ALERT_TOPICS) / compression_ratio),
  );
  const used = sheet.write(
    'disk usage per broker',
    'bytes',
    'per day * retention_hours / 24 * replication / brokers',
    `${plain(perDay)} * ${retention_hours} / 24 * ${replication} / ${brokers}`,
    (((perDay * retention_hours) / 24) * replication) / brokers,
  );
  return sheet.write(
    'disk size per broker',
    'bytes',
    'used / (1 - disk_reserve)',
    `${plain(used)} / (1 - ${disk_reserve})`,
    used / (1 - disk_reserve),
  );
}

function replicasFor(sheet: Sheet, input: PlanInput, peak: number): number {
  const { access_rate, detect_rate, alert_rate, alert_share, utilisation, spare_replicas } = input;
  const cores = sheet.write(
    'CPU cores at peak',
    'cores',
    '(peak / access_rate + peak / detect_rate + peak * alert_share / alert_rate) / utilisation',
    `(${plain(peak)} / ${access_rate} + ${plain(peak)} / ${detect_rate} + ${plain(peak)} * ${alert_share} / ${alert_rate}) / ${utilisation}`,
    (peak / access_rate + peak / detect_rate + (peak * alert_share) / alert_rate) / utilisation,
  );
  return sheet.write(
    'Tocsin replicas (one core each)',
    'replicas',
    'ceil(cores) + spare_replicas',
    `ceil(${plain(cores)}) + ${spare_replicas}`,
    Math.ceil(cores) + spare_replicas,
  );
}

function partitionsFor(sheet: Sheet, input: PlanInput, peakBytes: number, replicas: number): number {
  const { target_replicas, partition_bytes_per_second } = input;
  const throughput = sheet.write(
    'partitions for throughput',
    'partitions',
    'ceil(peak * uncompressed bytes / partition_bytes_per_second)',
    `ceil(${plain(peakBytes)} / ${partition_bytes_per_second})`,
    Math.ceil(peakBytes / partition_bytes_per_second),
  );
  const room = target_replicas > 0 ? target_replicas : 2 * replicas;
  const wanted = sheet.write(
    'partitions for replicas',
    'partitions',
    target_replicas > 0 ? 'target_replicas * 2' : 'replicas * 2 (growth) * 2',
    target_replicas > 0 ? `${target_replicas} * 2` : `${replicas} * 2 * 2`,
    room * 2,
  );
  const least = Math.max(throughput, wanted);
  const value = PARTITIONS.find((each) => each >= least) ?? Math.ceil(least / 768) * 768;
  return sheet.write('partitions', 'partitions', 'the next of 12, 24, 48, 96 … that covers both', `max(${throughput}, ${wanted})`, value);
}

function suggestion(input: PlanInput, partitions: number): Pick<Plan, 'settings' | 'commands'> {
  const { replication, retention_hours } = input;
  const insync = Math.max(1, replication - 1);
  const options = `--partitions ${partitions} --replication ${replication} --retention ${Math.ceil(retention_hours)}h --min-insync ${insync}`;
  return {
    settings: {
      TOPIC_PARTITIONS: String(partitions),
      TOPIC_REPLICATION: String(replication),
      TOPIC_RETENTION_HOURS: String(Math.ceil(retention_hours)),
      TOPIC_MIN_INSYNC_REPLICAS: String(insync),
    },
    commands: ['raw_events', 'alerts', 'alert_status', 'converged_alerts'].map((topic) => `tocsin topics create ${topic} ${options}`),
  };
}

function planWarnings(input: PlanInput, replicas: number, partitions: number): string[] {
  const { disk_reserve, replication, retention_hours, spare_replicas, events_per_record } = input;
  const warnings = [
    (disk_reserve < 0.3 || disk_reserve > 0.5) && `disk_reserve ${disk_reserve}: 0.3 to 0.5 is recommended; a full disk stops the broker`,
    replication < 3 && `replication ${replication}: less than 3 leaves no redundancy while a broker restarts`,
    retention_hours < 24 && `retention of ${retention_hours} h: a longer outage loses records`,
    spare_replicas < 1 && 'no spare replica: the failure of a replica at peak is not compensated',
    events_per_record === 1 && replicas > 2 && 'one event per record: senders that batch events reduce the cost to a third',
    partitions > 384 && `${partitions} partitions: check for hot keys, because all records of a key are in one partition`,
  ];
  return warnings.filter((each) => each !== false);
}

/** Validation errors of the input. */
export function planFlaws(input: PlanInput): string[] {
  const flaws: string[] = [];
  const share = new Set(['alert_share', 'disk_reserve', 'utilisation']);
  const least = {
    events_per_record: 1,
    compression_ratio: 1,
    peak_factor: 1,
    brokers: 1,
    replication: 1,
    spare_replicas: 0,
    target_replicas: 0,
    alert_share: 0,
    disk_reserve: 0,
  };
  for (const [name, value] of Object.entries(input) as [keyof PlanInput, number][]) {
    const from = (least as Partial<Record<keyof PlanInput, number>>)[name];
    if (!Number.isFinite(value)) flaws.push(`${name} must be a number`);
    else if (from === undefined ? value <= 0 : value < from) flaws.push(`${name} must be ${from === undefined ? 'more than 0' : `at least ${from}`}`);
    else if (share.has(name) && value > 1) flaws.push(`${name} must be a fraction, at most 1`);
  }
  for (const name of ['brokers', 'replication', 'spare_replicas', 'target_replicas'] as const) {
    if (Number.isFinite(input[name]) && !Number.isInteger(input[name])) flaws.push(`${name} must be an integer`);
  }
  if (input.disk_reserve >= 0.95) flaws.push('disk_reserve must be below 0.95');
  if (input.replication > input.brokers) flaws.push(`replication ${input.replication} requires ${input.replication} brokers, not ${input.brokers}`);
  return flaws;
}
