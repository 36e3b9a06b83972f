// A replica in a process of its own: consumes a topic of notes and writes down each of them, with the partition and the time.
import { openMysql } from '../../src/database/connection.client.js';
import { parseConfig } from '../../src/config.js';
import { KafkaLog } from '../../src/log/kafka/kafka-log.client.js';
import { aConsumerApp, aNoteTopic } from './consumer-app.js';

const [topic = '', group = ''] = process.argv.slice(2);
const config = parseConfig(process.env);
const database = await openMysql(config.DATABASE_URL!, 4);
const log = new KafkaLog(database, config);
await log.connect();
const app = await aConsumerApp({ database, eventLog: log, config }, aNoteTopic(topic), { group }, (batch) =>
  database.insert(
    'effect',
    ['id', 'who', 'partition_no', 'at'],
    batch.records.map(({ message }) => [message.id, config.INSTANCE_ID, batch.partition, Date.now()]),
  ),
);
process.once('SIGTERM', () => {
  void app
    .close()
    .then(() => log.close())
    .then(() => database.close())
    .then(() => process.exit(0));
});
process.stdout.write('ready\n');
