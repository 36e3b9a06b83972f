/** What somebody knows of the load, and wants of the installation. */
export interface PlanInput {
  readonly events_per_day: number;
  /** Busiest second over the mean one. */
  readonly peak_factor: number;
  /** One event as JSON. */
  readonly event_bytes: number;
  /** Events in one record of raw_events: senders that send many at once get envelopes; 1 where they send one by one. */
  readonly events_per_record: number;
  /** Bytes before over bytes after compression. */
  readonly compression_ratio: number;
  readonly retention_hours: number;
  readonly replication: number;
  readonly brokers: number;
  /** Share of events that become a message about an alert. */
  readonly alert_share: number;
  readonly alert_bytes: number;
  /** Share of the disk that stays free. */
  readonly disk_reserve: number;
  /** How busy a core may be at the peak. */
  readonly utilisation: number;
  /** Replicas that may be away at the peak. */
  readonly spare_replicas: number;
  /** Replicas that the topics must have room for; 0: twice those that the load needs. */
  readonly target_replicas: number;
  /** Events per second and core. */
  readonly access_rate: number;
  readonly detect_rate: number;
  /** Messages about alerts per second and core, for Alert, Converge and Notice together. */
  readonly alert_rate: number;
  /** Bytes per second that one partition is trusted with. */
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

/** One line of the arithmetic. */
export interface Step {
  readonly name: string;
  readonly formula: string;
  /** The formula with its numbers. */
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
/** alerts, alert_status and converged_alerts; dead letters stay empty when all is well. */
const ALERT_TOPICS = 3;
/** Two groups read alerts, one converged_alerts, and one more may read alert_status. */
const ALERT_READERS = 4;
/** Numbers that many numbers of replicas divide, so that each has as much to do. */
const PARTITIONS = [12, 24, 48, 96, 192, 384, 768];

const plain = (value: number): string =>
  Number.isInteger(value) || Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(4)));

/** The sheet of paper: every value is written down with how it came about. */
class Sheet {
  readonly steps: Step[] = [];

  write(name: string, unit: string, formula: string, worked: string, value: number): number {
    this.steps.push({ name, formula, worked: `${worked} = ${plain(value)}`, value, unit });
    return value;
  }
}

/** Capacity from load, by plain arithmetic. The input must have passed {@link planFlaws}. */
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
    'bytes of an event in the log',
    'bytes',
    `(event_bytes + ${RECORD_OVERHEAD} / events_per_record) / compression_ratio`,
    `(${event_bytes} + ${RECORD_OVERHEAD} / ${events_per_record}) / ${compression_ratio}`,
    (event_bytes + RECORD_OVERHEAD / events_per_record) / compression_ratio,
  );
}

function bandwidth(sheet: Sheet, input: PlanInput, peak: number, stored: number): { in: number; out: number } {
  const { alert_share, alert_bytes, compression_ratio, replication, brokers } = input;
  const raw = sheet.write('raw_events into the cluster', 'bytes/s', 'peak * stored', `${plain(peak)} * ${plain(stored)}`, peak * stored);
  const alerts = sheet.write(
    'alert topics into the cluster',
    'bytes/s',
    `peak * alert_share * alert_bytes * ${ALERT_TOPICS} / compression_ratio`,
    `${plain(peak)} * ${alert_share} * ${alert_bytes} * ${ALERT_TOPICS} / ${compression_ratio}`,
    (peak * alert_share * alert_bytes * ALERT_TOPICS) / compression_ratio,
  );
  const into = sheet.write(
    'into each broker, with copies',
    'bytes/s',
    '(raw + alerts) * replication / brokers',
    `(${plain(raw)} + ${plain(alerts)}) * ${replication} / ${brokers}`,
    ((raw + alerts) * replication) / brokers,
  );
  const out = sheet.write(
    'out of each broker: Detect, the readers of alerts, and copies',
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
    'bytes per day, one copy',
    'bytes',
    `events_per_day * (stored + alert_share * alert_bytes * ${ALERT_TOPICS} / compression_ratio)`,
    `${plain(events_per_day)} * (${plain(stored)} + ${alert_share} * ${alert_bytes} * ${ALERT_TOPICS} / ${compression_ratio})`,
    events_per_day * (stored + (alert_share * alert_bytes * ALERT_TOPICS) / compression_ratio),
  );
  const used = sheet.write(
    'disk used on each broker',
    'bytes',
    'per day * retention_hours / 24 * replication / brokers',
    `${plain(perDay)} * ${retention_hours} / 24 * ${replication} / ${brokers}`,
    (((perDay * retention_hours) / 24) * replication) / brokers,
  );
  return sheet.write(
    'disk to buy for each broker',
    'bytes',
    'used / (1 - disk_reserve)',
    `${plain(used)} / (1 - ${disk_reserve})`,
    used / (1 - disk_reserve),
  );
}

function replicasFor(sheet: Sheet, input: PlanInput, peak: number): number {
  const { access_rate, detect_rate, alert_rate, alert_share, utilisation, spare_replicas } = input;
  const cores = sheet.write(
    'cores that Tocsin needs at the peak',
    'cores',
    '(peak / access_rate + peak / detect_rate + peak * alert_share / alert_rate) / utilisation',
    `(${plain(peak)} / ${access_rate} + ${plain(peak)} / ${detect_rate} + ${plain(peak)} * ${alert_share} / ${alert_rate}) / ${utilisation}`,
    (peak / access_rate + peak / detect_rate + (peak * alert_share) / alert_rate) / utilisation,
  );
  return sheet.write(
    'replicas of Tocsin (a replica uses one core)',
    'replicas',
    'ceil(cores) + spare_replicas',
    `ceil(${plain(cores)}) + ${spare_replicas}`,
    Math.ceil(cores) + spare_replicas,
  );
}

function partitionsFor(sheet: Sheet, input: PlanInput, peakBytes: number, replicas: number): number {
  const { target_replicas, partition_bytes_per_second } = input;
  const throughput = sheet.write(
    'partitions that the bytes need',
    'partitions',
    'ceil(peak * bytes before compression / partition_bytes_per_second)',
    `ceil(${plain(peakBytes)} / ${partition_bytes_per_second})`,
    Math.ceil(peakBytes / partition_bytes_per_second),
  );
  const room = target_replicas > 0 ? target_replicas : 2 * replicas;
  const wanted = sheet.write(
    'partitions that the replicas need',
    'partitions',
    target_replicas > 0 ? 'target_replicas * 2' : 'replicas * 2 (to grow) * 2',
    target_replicas > 0 ? `${target_replicas} * 2` : `${replicas} * 2 * 2`,
    room * 2,
  );
  const least = Math.max(throughput, wanted);
  const value = PARTITIONS.find((each) => each >= least) ?? Math.ceil(least / 768) * 768;
  return sheet.write('partitions', 'partitions', 'the next of 12, 24, 48, 96 … that holds both', `max(${throughput}, ${wanted})`, value);
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
    (disk_reserve < 0.3 || disk_reserve > 0.5) && `disk_reserve ${disk_reserve}: 0.3 to 0.5 is usual; a full disk stops a broker`,
    replication < 3 && `replication ${replication}: with less than 3 a broker that is being restarted leaves no copy to spare`,
    retention_hours < 24 && `retention of ${retention_hours} h: a stop that lasts longer loses records`,
    spare_replicas < 1 && 'no spare replica: at the peak nothing makes up for one that is away',
    events_per_record === 1 && replicas > 2 && 'one event for each record: senders that send many at once cost a third',
    partitions > 384 && `${partitions} partitions: look at whether few keys carry the load, a key stays in one partition`,
  ];
  return warnings.filter((each) => each !== false);
}

/** What is wrong with the input, in sentences. */
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
    else if (share.has(name) && value > 1) flaws.push(`${name} is a share and at most 1`);
  }
  for (const name of ['brokers', 'replication', 'spare_replicas', 'target_replicas'] as const) {
    if (Number.isFinite(input[name]) && !Number.isInteger(input[name])) flaws.push(`${name} must be a whole number`);
  }
  if (input.disk_reserve >= 0.95) flaws.push('disk_reserve must be below 0.95: something has to be used');
  if (input.replication > input.brokers)
    flaws.push(`replication ${input.replication} needs ${input.replication} brokers, there are ${input.brokers}`);
  return flaws;
}
