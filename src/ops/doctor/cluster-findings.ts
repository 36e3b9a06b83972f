import type { BrokerEvidence, ClusterEvidence } from '../../log/cluster-evidence.js';
import type { TopicState } from '../../log/topic-admin.js';
import { deadLetterTopic, topics as contract } from '../../topics.js';
import type { Evidence } from './evidence.js';
import { type Finding, fail, findings, some, warn } from './finding.js';

const HOUR = 3_600_000;
/** A shorter retention does not survive an outage overnight; longer than a weekend is recommended. */
const SHORT_RETENTION = 24 * HOUR;

const kafka = ({ clusters }: Evidence): readonly ClusterEvidence[] => clusters.filter(({ name }) => name !== 'embedded');
const topicsOf = (evidence: Evidence): readonly TopicState[] => evidence.clusters.flatMap(({ topics }) => topics);
const copies = ({ partitions }: TopicState): number => Math.min(...partitions.map(({ replicas }) => replicas.length));
const setting = (cluster: string): string => (cluster === 'alert' ? 'ALERT_KAFKA_' : 'KAFKA_');

export function brokerFindings(evidence: Evidence): Finding[] {
  return kafka(evidence).flatMap((cluster) => [...reachable(cluster), ...admitted(cluster), ...compatible(cluster)]);
}

const login = ({ problem }: BrokerEvidence): boolean => problem?.code === 'T7002' || problem?.code === 'T7003' || problem?.code === 'T7004';

function reachable({ name, brokers, problem }: ClusterEvidence): Finding[] {
  const away = brokers.filter((broker) => broker.problem && !login(broker));
  const all = away.length === brokers.length && brokers.length > 0;
  return findings(`kafka.${name}.brokers`, 'T5014', `${brokers.map(({ address }) => address).join(', ')} are reachable`, [
    ...away.map(({ address, known, problem: why }) =>
      known === 'cluster'
        ? fail(
            `${why!.says} (address from the metadata of the cluster)`,
            'set advertised.listeners of the broker to an address that Tocsin can reach',
          )
        : (all ? fail : warn)(why!.says, `start the broker, or correct ${setting(name)}BROKERS (${address})`),
    ),
    problem !== undefined &&
      away.length < brokers.length &&
      !brokers.every(login) &&
      fail(
        problem,
        'metadata requests fail although the brokers are reachable: check the broker logs and the ACLs of the user (DESCRIBE on topics and groups)',
      ),
  ]);
}

function admitted({ name, brokers }: ClusterEvidence): Finding[] {
  const closed = brokers.filter(login);
  if (brokers.every((broker) => broker.problem && !login(broker))) return [];
  return findings(
    `kafka.${name}.login`,
    'T5015',
    'authentication succeeded',
    closed.map(({ address, problem }) =>
      fail(
        problem!.says,
        `${problem!.code === 'T7003' ? `TLS: check ${setting(name)}TLS and its _CA_FILE, _CERT_FILE, _KEY_FILE` : `check ${setting(name)}SASL_MECHANISM, _USERNAME and _PASSWORD, and the security protocol of the listener at ${address}`}`,
      ),
    ),
  );
}

function compatible({ name, brokers }: ClusterEvidence): Finding[] {
  const asked = brokers.filter(({ incompatible }) => incompatible !== undefined);
  if (asked.length === 0) return [];
  return findings(
    `kafka.${name}.versions`,
    'T5016',
    'brokers and client support common API versions',
    asked
      .filter(({ incompatible }) => incompatible!.length > 0)
      .map(({ address, incompatible }) =>
        fail(`${address}: ${some(incompatible!)}`, 'this Kafka release is not supported by this Tocsin release; see README for the tested releases'),
      ),
  );
}

export function topicFindings(evidence: Evidence): Finding[] {
  const reached = kafka(evidence);
  if (reached.length === 0 || reached.some(({ problem }) => problem !== undefined)) return [];
  const topics = topicsOf(evidence);
  const missing = evidence.topics.filter((name) => !topics.some((topic) => topic.name === name));
  return [
    ...findings('topics.present', 'T5017', `all ${evidence.topics.length} topics exist`, [
      missing.length > 0 &&
        warn(
          `missing topics: ${some(missing)}`,
          'the server creates topics at startup; without the CREATE permission an administrator must run: tocsin topics create <topic>',
        ),
    ]),
    ...partitionFindings(topics),
    ...leaderFindings(topics),
    ...copyFindings(topics, evidence),
    ...policyFindings(topics, evidence),
  ];
}

function partitionFindings(topics: readonly TopicState[]): Finding[] {
  const count = (name: string): number | undefined => topics.find((topic) => topic.name === name)?.partitions.length;
  const short = Object.values(contract).filter(({ name }) => (count(deadLetterTopic(name)) ?? Infinity) < (count(name) ?? 0));
  return findings(
    'topics.partitions',
    'T5018',
    'dead-letter topics have at least as many partitions as their topics',
    short.map(({ name }) =>
      fail(
        `${name} has ${count(name)} partitions, ${deadLetterTopic(name)} only ${count(deadLetterTopic(name))}: dead letter records of the other partitions cannot be published`,
        `tocsin topics grow ${deadLetterTopic(name)} --partitions ${count(name)}`,
      ),
    ),
  );
}

function leaderFindings(topics: readonly TopicState[]): Finding[] {
  const of = (test: (partition: TopicState['partitions'][number]) => boolean): string[] =>
    topics.flatMap(({ name, partitions }) => partitions.filter(test).map(({ partition }) => `${name}/${partition}`));
  const headless = of(({ leader }) => leader === null);
  const behind = of(({ replicas, inSync }) => inSync.length < replicas.length);
  return findings('topics.leaders', 'T5020', 'all partitions have a leader and all replicas are in sync', [
    headless.length > 0 &&
      fail(`partitions without leader: ${some(headless)}`, 'start the brokers of these partitions; until then their records cannot be published'),
    behind.length > 0 && warn(`under-replicated partitions: ${some(behind)}`, 'a broker is down or slow: check the brokers'),
  ]);
}

function copyFindings(topics: readonly TopicState[], { clusters }: Evidence): Finding[] {
  const least = (topic: TopicState): number => Number(topic.config['min.insync.replicas'] ?? 1);
  const impossible = topics.filter((topic) => least(topic) > copies(topic));
  const tight = topics.filter((topic) => least(topic) === copies(topic) && copies(topic) > 1);
  const brokers = Math.max(0, ...clusters.map((cluster) => cluster.brokers.filter(({ known, problem }) => known === 'cluster' || !problem).length));
  const single = topics.filter((topic) => copies(topic) === 1);
  return findings('topics.copies', 'T5019', 'min.insync.replicas is lower than the replication factor', [
    impossible.length > 0 &&
      fail(
        `min.insync.replicas exceeds the replication factor: ${some(impossible.map((topic) => `${topic.name} ${least(topic)} of ${copies(topic)}`))}: every write fails (NOT_ENOUGH_REPLICAS)`,
        `tocsin topics set ${impossible[0]!.name} --min-insync ${copies(impossible[0]!)}, or add replicas (kafka-reassign-partitions)`,
      ),
    tight.length > 0 &&
      warn(
        `min.insync.replicas equals the replication factor, one broker down blocks writes: ${some(tight.map(({ name }) => name))}`,
        `tocsin topics set ${tight[0]!.name} --min-insync ${copies(tight[0]!) - 1}`,
      ),
    single.length > 0 &&
      warn(
        `replication factor 1: ${some(single.map(({ name }) => name))}${brokers > 1 ? ` on ${brokers} brokers` : ''}; a broker failure loses records`,
        'use three brokers, and set TOPIC_REPLICATION=3 and TOPIC_MIN_INSYNC_REPLICAS=2 before topics are created; use kafka-reassign-partitions for existing topics',
      ),
  ]);
}

function policyFindings(topics: readonly TopicState[], evidence: Evidence): Finding[] {
  const { config } = evidence;
  const needed = Math.max(config.MAX_EVENT_BYTES, config.KAFKA_BATCH_BYTES) + 1024;
  const small = topics.filter((topic) => topic.config['max.message.bytes'] !== undefined && Number(topic.config['max.message.bytes']) < needed);
  const compacts = topics.filter((topic) => topic.config['cleanup.policy']?.includes('compact'));
  const rest = topics.filter(({ name }) => !name.endsWith('.dlq'));
  const short = rest.filter((topic) => inRange(Number(topic.config['retention.ms'] ?? -1), 0, SHORT_RETENTION));
  const late = overtaken(evidence);
  return [
    ...findings('topics.message-size', 'T5022', `max.message.bytes is at least ${needed} on all topics`, [
      small.length > 0 &&
        (small.some((topic) => Number(topic.config['max.message.bytes']) < config.MAX_EVENT_BYTES) ? fail : warn)(
          `max.message.bytes is lower than ${needed}, the maximum batch size (MAX_EVENT_BYTES, KAFKA_BATCH_BYTES): ${some(small.map(({ name, config: set }) => `${name} ${set['max.message.bytes']}`))}`,
          `tocsin topics set ${small[0]!.name} --max-message ${Math.max(needed, 1_048_588)}, or lower MAX_EVENT_BYTES and KAFKA_BATCH_BYTES`,
        ),
    ]),
    ...findings('topics.cleanup', 'T5023', 'no topic is compacted', [
      compacts.length > 0 &&
        fail(
          `cleanup.policy=compact: ${some(compacts.map(({ name }) => name))}; compaction deletes older records of a key`,
          `kafka-configs --alter --entity-type topics --entity-name ${compacts[0]!.name} --add-config cleanup.policy=delete`,
        ),
    ]),
    ...findings('topics.retention', 'T5021', 'retention is at least one day, and no consumer group is close to it', [
      short.length > 0 &&
        warn(
          `retention is short: ${some(short.map(({ name, config: set }) => `${name} ${Math.round(Number(set['retention.ms']) / 60_000)} min`))}; a longer outage loses records`,
          `tocsin topics set ${short[0]!.name} --retention 72h`,
        ),
      ...late.map(({ topic, stage, age, retention }) =>
        fail(
          `${stage} is ${Math.round(age / 60_000)} min behind in ${topic}, which has a retention of ${Math.round(retention / 60_000)} min`,
          `tocsin topics set ${topic} --retention ${Math.ceil((2 * retention) / HOUR)}h, then find the cause of the lag (tocsin lag)`,
        ),
      ),
    ]),
  ];
}

const inRange = (value: number, from: number, to: number): boolean => value >= from && value < to;

/** Groups whose oldest unprocessed record is older than three quarters of the retention time. */
function overtaken({ clusters, now }: Evidence): { topic: string; stage: string; age: number; retention: number }[] {
  return clusters.flatMap(({ topics, unhandled }) =>
    unhandled.flatMap(({ topic, stage, timestamp }) => {
      const retention = Number(topics.find(({ name }) => name === topic)?.config['retention.ms'] ?? -1);
      const age = now - timestamp;
      return retention > 0 && age > retention * 0.75 ? [{ topic, stage, age, retention }] : [];
    }),
  );
}
