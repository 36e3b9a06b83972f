import kafkajs from 'kafkajs';
import { parseConfig } from '../../src/config.js';
import { registerCodecs } from '../../src/log/kafka/protocol/codecs.client.js';
import { serve } from '../../src/app/serve.js';
import { eventually } from '../support/eventually.js';
import { servers } from '../support/installation.js';
import { Client } from '../support/tocsin.js';

describe('the topics on a shared cluster', () => {
  const open: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  it('deliver every change of an alert to every consumer group (P10)', async () => {
    const { env, close } = await servers();
    open.push(close);
    const config = parseConfig(env);
    const prefix = config.TOPIC_PREFIX;
    const running = await serve(config);
    open.push(() => running.close());
    registerCodecs();
    const kafka = new kafkajs.Kafka({ clientId: 'others', brokers: process.env['KAFKA_BROKERS']!.split(','), logLevel: kafkajs.logLevel.NOTHING });
    interface Change {
      readonly key: string;
      readonly what: string;
      readonly from: string | null;
      readonly to: string;
    }
    // By offset: who joins a group again reads again what was not committed.
    const heard = { first: new Map<string, Change>(), second: new Map<string, Change>() };
    for (const [group, changes] of Object.entries(heard)) {
      const consumer = kafka.consumer({ groupId: `${prefix}${group}`, maxWaitTimeInMs: 100 });
      open.push(() => consumer.disconnect());
      await consumer.connect();
      await consumer.subscribe({ topics: [`${prefix}alert_status`], fromBeginning: true });
      await consumer.run({
        eachMessage: async ({ message }) => {
          const { what, from, to } = JSON.parse(message.value!.toString()) as Omit<Change, 'key'>;
          changes.set(message.offset, { key: message.key!.toString(), what, from, to });
        },
      });
    }
    const client = new Client(running.url);
    const alarm = { labels: { alertname: 'Broadcast' }, startsAt: '2026-01-01T00:00:00Z' };
    await client.call('POST', '/api/v2/alerts', [alarm]);
    await eventually(async () => (await client.alerts()).length === 1, 'the alert');
    const id = (await client.alerts())[0]!.alert_id;
    await client.post(`/api/v1/alerts/${id}/acknowledge`, { by: 'ann' });
    await client.call('POST', '/api/v2/alerts', [{ ...alarm, endsAt: new Date().toISOString() }]);
    await eventually(() => heard.first.size === 3 && heard.second.size === 3, 'three changes, twice');
    const { alert_key: key } = (await client.get<{ alert_key: string }>(`/api/v1/alerts/${id}`)).body;
    expect([...heard.first.values()]).toEqual([
      { key, what: 'created', from: null, to: 'ABNORMAL' },
      { key, what: 'acknowledged', from: 'unacknowledged', to: 'acknowledged' },
      { key, what: 'recovered', from: 'ABNORMAL', to: 'RECOVERED' },
    ]);
    expect(heard.second).toEqual(heard.first);
  });
});
