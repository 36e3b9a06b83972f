import { randomBytes } from 'node:crypto';
import { openMysql } from '../../src/database/connection.client.js';
import { parseConfig } from '../../src/config.js';
import { KafkaLog } from '../../src/log/kafka/kafka-log.client.js';
import { deadLetterTopic } from '../../src/topics.js';
import { ConsumerReplica } from '../support/consumer-replica.js';
import { aMysql } from '../support/database.js';
import { eventually } from '../support/eventually.js';

const SESSION_MS = 6000;
const PARTITIONS = 8;
const KEYS = Array.from({ length: 32 }, (_, index) => `key${index}`);

interface Effect {
  readonly id: string;
  readonly who: string;
  readonly partition_no: number;
  readonly at: number;
}

/** Replicas of one consumer group in processes of their own, under a steady load that puts records into every partition. */
async function aGroup() {
  const { database, close, url } = await aMysql();
  await database.writer.query(
    'CREATE TABLE effect (id VARCHAR(64) NOT NULL, who VARCHAR(64) NOT NULL, partition_no INT NOT NULL, at BIGINT NOT NULL, place BIGINT AUTO_INCREMENT PRIMARY KEY, INDEX (at))',
  );
  const prefix = `t${randomBytes(4).toString('hex')}.`;
  const settings = {
    KAFKA_BROKERS: process.env['KAFKA_BROKERS']!,
    DATABASE_URL: url,
    TOPIC_PREFIX: prefix,
    GROUP_PREFIX: prefix,
    KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
    KAFKA_HEARTBEAT_INTERVAL_MS: '500',
    BATCH_RECORDS: '20',
    LOG_LEVEL: 'error',
  };
  const onlooker = await openMysql(url, 2);
  const log = new KafkaLog(onlooker, parseConfig({ ...settings, INSTANCE_ID: 'onlooker' }));
  await log.connect();
  await log.ensureTopics(['load', deadLetterTopic('load')].map((name) => ({ name, partitions: PARTITIONS })));
  const replicas = [1, 2, 3, 4].map((index) => new ConsumerReplica(`replica-${index}`, 'load', 'group', settings));
  const published: string[] = [];
  let sending = true;
  const load = (async () => {
    for (let round = 0; sending; round++) {
      const ids = KEYS.map((key) => `${key}:${String(round).padStart(6, '0')}`);
      await log.publish(
        'load',
        ids.map((id, index) => ({ key: id.split(':')[0]!, value: JSON.stringify({ id }), partition: index % PARTITIONS })),
      );
      published.push(...ids);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  return {
    replicas,
    published,
    effects: () => onlooker.query<Effect>('SELECT id, who, partition_no, at FROM effect ORDER BY place'),
    busy: async (names: readonly string[]): Promise<void> => {
      const since = Date.now();
      const working = async (): Promise<boolean> => {
        const rows = await onlooker.query<{ who: string }>('SELECT DISTINCT who FROM effect WHERE at > ?', [since]);
        return names.every((name) => rows.some(({ who }) => who === name));
      };
      await eventually(working, `work by ${names.join(', ')}`);
    },
    finish: async (): Promise<void> => {
      sending = false;
      await load;
    },
    close: async (): Promise<void> => {
      sending = false;
      await load.catch(() => undefined);
      await Promise.all(replicas.map((replica) => replica.kill()));
      await log.close();
      await onlooker.close();
      await close();
    },
  };
}

/** The longest time (ms) in which a partition had no effect, over all partitions, from `from` to `to`. */
function longestGap(effects: readonly Effect[], from: number, to: number): number {
  let longest = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const times = effects.filter(({ partition_no }) => partition_no === partition).map(({ at }) => Number(at));
    const inside = [from, ...times.filter((at) => at > from && at < to), to];
    for (let index = 1; index < inside.length; index++) longest = Math.max(longest, inside[index]! - inside[index - 1]!);
  }
  return longest;
}

describe('replicas of a consumer group on Kafka', () => {
  let group: Awaited<ReturnType<typeof aGroup>>;
  beforeAll(async () => {
    group = await aGroup();
  }, 60_000);
  afterAll(() => group.close());

  it('come, go, restart and freeze under load: order by key, nothing lost, nothing twice (C8)', async () => {
    const [one, two, three, four] = group.replicas as [ConsumerReplica, ConsumerReplica, ConsumerReplica, ConsumerReplica];
    const phases: { name: string; from: number; to: number }[] = [];
    const phase = async (name: string, work: () => Promise<void>): Promise<void> => {
      const from = Date.now();
      await work();
      phases.push({ name, from, to: Date.now() });
    };
    const all = group.replicas.map(({ name }) => name);
    await one.start();
    await group.busy(all.slice(0, 1));
    await phase('1 → 2', async () => {
      await two.start();
      await group.busy(all.slice(0, 2));
    });
    await phase('2 → 4', async () => {
      await Promise.all([three.start(), four.start()]);
      await group.busy(all);
    });
    await phase('rolling restart', async () => {
      for (const replica of [one, two]) {
        expect(await replica.stop()).toBe(0);
        await replica.start();
        await group.busy(all);
      }
    });
    await phase('one frozen', async () => {
      three.freeze();
      const rest = all.filter((name) => name !== three.name);
      await new Promise((resolve) => setTimeout(resolve, 1.3 * SESSION_MS));
      await group.busy(rest);
      three.thaw();
      await group.busy(all);
    });
    await phase('4 → 1', async () => {
      for (const replica of [four, three, two]) expect(await replica.stop()).toBe(0);
      await group.busy(all.slice(0, 1));
    });
    await group.finish();
    await eventually(async () => (await group.effects()).length >= group.published.length, 'all effects');
    const effects = await group.effects();
    const gaps = phases.map(({ name, from, to }) => `${name} ${longestGap(effects, from, to)} ms`).join(', ');
    process.stdout.write(`${effects.length} records; longest time without progress of a partition: ${gaps}\n`);
    expect(effects.map(({ id }) => id).sort()).toEqual([...group.published].sort());
    for (const key of KEYS) {
      const mine = effects.filter(({ id }) => id.startsWith(`${key}:`)).map(({ id }) => id);
      expect(mine).toEqual([...mine].sort());
    }
  }, 240_000);
});
