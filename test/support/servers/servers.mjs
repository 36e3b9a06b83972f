// Kafka and a database for whoever needs them: those named in the environment, else local ones, else containers.
//
//   node test/support/servers/servers.mjs up [--kafka] [--mysql]

import { brokerAnswers, brokerProperties, KAFKA_VERSION, startKafka } from './kafka.mjs';
import { databaseAnswers, databaseUrl, SERVER_OPTIONS, startMariadb } from './mariadb.mjs';
import { freePort, openHome, run, startDaemon } from './processes.mjs';
import { Unavailable } from './programs.mjs';

const KAFKA_IMAGE = `apache/kafka:${KAFKA_VERSION}`;
const MARIADB_IMAGE = 'mariadb:10.11';
const PULLED_WITHIN_MS = 15 * 60_000;

/**
 * One server that was found or started.
 *
 * @typedef {{ address: string, describe: string, stop: () => Promise<void> }} Server
 */

/**
 * @param {{ kafka?: boolean, mysql?: boolean }} wanted
 * @returns {Promise<{
 *   kafkaBrokers: string | undefined,
 *   databaseUrl: string | undefined,
 *   describe: string,
 *   stop: () => Promise<void>,
 * }>} addresses in the form of `KAFKA_BROKERS` and `DATABASE_URL`, undefined for what was not wanted; `describe` is
 *   one line for a log; `stop` ends what was started here
 * @throws {Unavailable} saying what to install
 */
export async function servers({ kafka = false, mysql = false }) {
  const results = await Promise.allSettled([kafka ? findKafka() : undefined, mysql ? findMysql() : undefined]);
  const [kafkaServer, mysqlServer] = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
  const found = [kafkaServer, mysqlServer].filter((server) => server !== undefined);
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  const stop = async () => void (await Promise.all(found.map((server) => server.stop())));
  if (reasons.length > 0) {
    await stop();
    throw reasons.length === 1 ? reasons[0] : joined(reasons);
  }
  return {
    kafkaBrokers: kafkaServer?.address,
    databaseUrl: mysqlServer?.address,
    describe: found.map((server) => server.describe).join('; '),
    stop,
  };
}

/** @param {Error[]} reasons */
function joined(reasons) {
  const message = reasons.map((reason) => reason.message).join('\n');
  return reasons.every((reason) => reason instanceof Unavailable) ? new Unavailable(message) : new Error(message);
}

/** @returns {Promise<Server>} */
function findKafka() {
  const brokers = process.env.KAFKA_BROKERS;
  if (brokers) return foreign(brokers, `Kafka at ${brokers} (KAFKA_BROKERS)`);
  return orContainer(async () => {
    const kafka = await startKafka();
    return started(kafka, kafka.brokers, `Apache Kafka ${kafka.version} at ${kafka.brokers}`);
  }, startKafkaContainer);
}

/** @returns {Promise<Server>} */
function findMysql() {
  const url = process.env.DATABASE_URL;
  if (url) return foreign(url, `database at ${new URL(url).host} (DATABASE_URL)`);
  return orContainer(async () => {
    const mariadb = await startMariadb();
    const version = await mariadb.sql('SELECT version()');
    return started(mariadb, mariadb.url, `${version.trim()} at 127.0.0.1:${mariadb.port}`);
  }, startMariadbContainer);
}

/**
 * @param {string} address
 * @param {string} describe
 * @returns {Promise<Server>}
 */
async function foreign(address, describe) {
  return { address, describe, stop: async () => {} };
}

/**
 * @param {import('./processes.mjs').Daemon} daemon
 * @param {string} address
 * @param {string} describe
 * @returns {Server}
 */
function started(daemon, address, describe) {
  return { address, describe, stop: daemon.stop };
}

/**
 * @param {() => Promise<Server>} startHere
 * @param {() => Promise<Server>} startContainer used where the server cannot be had otherwise
 * @returns {Promise<Server>}
 */
async function orContainer(startHere, startContainer) {
  try {
    return await startHere();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    const dockerAnswers = await run('docker', ['info']).then(
      () => true,
      () => false,
    );
    if (!dockerAnswers) throw new Unavailable(`${error.message} A running Docker engine will do as well.`);
    return startContainer();
  }
}

/** @returns {Promise<Server>} */
async function startKafkaContainer() {
  const port = await freePort();
  const properties = brokerProperties({ port, controllerPort: port === 29_093 ? 29_094 : 29_093, listenOn: '0.0.0.0' });
  const settings = Object.entries(properties).map(([name, value]) => `KAFKA_${name.toUpperCase().replaceAll('.', '_')}=${value}`);
  const container = await runContainer({
    kind: 'kafka',
    image: KAFKA_IMAGE,
    settings: ['KAFKA_HEAP_OPTS=-Xms512m -Xmx512m', ...settings],
    published: `${port}:${port}`,
    port,
    answers: () => brokerAnswers(port),
  });
  return started(container, `127.0.0.1:${port}`, `container ${KAFKA_IMAGE} at 127.0.0.1:${port}`);
}

/** @returns {Promise<Server>} */
async function startMariadbContainer() {
  const port = await freePort();
  const container = await runContainer({
    kind: 'mariadb',
    image: MARIADB_IMAGE,
    settings: ['MARIADB_ROOT_PASSWORD', 'MARIADB_USER', 'MARIADB_PASSWORD', 'MARIADB_DATABASE'].map((setting) => `${setting}=tocsin`),
    args: SERVER_OPTIONS,
    published: `${port}:3306`,
    port,
    answers: () => databaseAnswers(port),
  });
  const grant = "GRANT ALL ON *.* TO tocsin@'%' WITH GRANT OPTION";
  await run('docker', ['exec', container.name, 'mariadb', '-uroot', '-ptocsin', '-e', grant]);
  return started(container, databaseUrl(port, 'tocsin'), `container ${MARIADB_IMAGE} at 127.0.0.1:${port}`);
}

/**
 * @param {object} wanted
 * @param {string} wanted.kind
 * @param {string} wanted.image
 * @param {string[]} wanted.settings `NAME=value` each
 * @param {string[]} [wanted.args] for the image's entry point
 * @param {string} wanted.published port here and port within
 * @param {number} wanted.port
 * @param {() => Promise<boolean>} wanted.answers
 */
async function runContainer({ kind, image, settings, args = [], published, port, answers }) {
  const name = `tocsin-${kind}-${process.pid}-${port}`;
  const home = openHome(kind, { container: name });
  try {
    await run('docker', ['pull', '--quiet', image], { home, deadline: PULLED_WITHIN_MS });
  } catch (error) {
    await home.close();
    throw error;
  }
  const env = settings.flatMap((setting) => ['--env', setting]);
  const daemon = await startDaemon({
    name: kind,
    command: 'docker',
    args: ['run', '--rm', '--name', name, '--publish', `127.0.0.1:${published}`, ...env, image, ...args],
    home,
    port,
    answers,
  });
  return Object.assign(daemon, { name });
}

/** @param {string[]} args */
async function up(args) {
  const all = !args.includes('--kafka') && !args.includes('--mysql');
  const stopped = new Promise((resolve) => ['SIGINT', 'SIGTERM'].forEach((signal) => process.once(signal, resolve)));
  const running = await servers({ kafka: all || args.includes('--kafka'), mysql: all || args.includes('--mysql') });
  if (running.kafkaBrokers) console.log(`export KAFKA_BROKERS=${running.kafkaBrokers}`);
  if (running.databaseUrl) console.log(`export DATABASE_URL=${running.databaseUrl}`);
  console.error(`${running.describe}. Ctrl-C stops what was started.`);
  const awake = setInterval(() => {}, 60_000);
  await stopped;
  clearInterval(awake);
  await running.stop();
}

if (/[\\/]servers\.mjs$/.test(process.argv[1] ?? '')) {
  const [command, ...args] = process.argv.slice(2);
  if (command === 'up') {
    up(args).catch((error) => {
      console.error(error.message);
      process.exitCode = 1;
    });
  } else {
    console.error('usage: servers.mjs up [--kafka] [--mysql]');
    process.exitCode = 2;
  }
}
