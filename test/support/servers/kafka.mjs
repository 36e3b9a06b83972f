// A real Apache Kafka of one node, from its published jars.

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { firstBytes, freePort, openHome, run, startDaemon } from './processes.mjs';
import { findProgram, hasProgram, requirePrograms, Unavailable } from './programs.mjs';

/** @typedef {import('./processes.mjs').Daemon} Daemon */

/** The releases that are tested: the current one, and the last of the line before it. */
export const KAFKA_VERSIONS = ['4.3.1', '3.9.2'];
/** The broker that tests run against unless told otherwise, by a test or for the whole run. */
export const KAFKA_VERSION = process.env.TOCSIN_TEST_KAFKA || KAFKA_VERSIONS[0];

const DOWNLOADED_WITHIN_MS = 15 * 60_000;
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const JAVA_REMEDY = 'Apache Kafka needs Java 17 or newer: install openjdk-17-jre-headless (or set JAVA_HOME).';
const MAVEN_REMEDY = "Apache Kafka's jars are fetched with Maven: install maven.";

// The jars leave the choice of a logging backend to who runs them; this is what each major version was built with.
const LOGGING = {
  3: {
    backend: { group: 'org.slf4j', artifact: 'slf4j-reload4j', version: '1.7.36' },
    setting: (file) => `-Dlog4j.configuration=file:${file}`,
    properties: {
      'log4j.rootLogger': 'INFO, stdout',
      'log4j.appender.stdout': 'org.apache.log4j.ConsoleAppender',
      'log4j.appender.stdout.layout': 'org.apache.log4j.PatternLayout',
      'log4j.appender.stdout.layout.ConversionPattern': '%d{ISO8601} %p %m (%c)%n',
    },
  },
  4: {
    backend: { group: 'org.apache.logging.log4j', artifact: 'log4j-slf4j-impl', version: '2.25.4' },
    setting: (file) => `-Dlog4j2.configurationFile=${file}`,
    properties: {
      'appender.stdout.type': 'Console',
      'appender.stdout.name': 'stdout',
      'appender.stdout.layout.type': 'PatternLayout',
      'appender.stdout.layout.pattern': '%d{ISO8601} %p %m (%c)%n',
      'rootLogger.level': 'INFO',
      'rootLogger.appenderRef.stdout.ref': 'stdout',
    },
  },
};

/**
 * Starts one broker that is its own controller, reachable from this machine only, and waits until it takes requests.
 *
 * @param {object} [options]
 * @param {number} [options.port] of the PLAINTEXT listener; a free one
 * @param {number} [options.controllerPort] for those who replace `listeners` in `properties`; a free one
 * @param {string} [options.version] 3.9.x or newer
 * @param {string} [options.dataDir] data, configuration and log go there and stay after `stop`, for a later start;
 *   a temporary directory
 * @param {Record<string, string | number | boolean>} [options.properties] of the broker, over ours
 * @param {string} [options.clusterId] of the cluster that the broker is to join, with `properties` that say how; its own
 * @param {string[]} [options.formatArguments] more arguments for the storage tool, such as
 *   `--add-scram 'SCRAM-SHA-256=[name=ann,password=secret]'`
 * @returns {Promise<Daemon & { brokers: string, version: string }>} `brokers` is `127.0.0.1:port`
 * @throws {Unavailable} when Java, Maven or the jars cannot be had
 */
export async function startKafka(options = {}) {
  const { version = KAFKA_VERSION, dataDir, properties = {}, clusterId = newClusterId(), formatArguments = [] } = options;
  await requirePrograms({ present: javaIsModern, packages: ['openjdk-17-jre-headless'], remedy: JAVA_REMEDY });
  const jars = await fetchJars(version);
  const port = options.port ?? (await freePort());
  const controllerPort = options.controllerPort ?? (await freePort());
  const home = openHome('kafka', { kept: dataDir });
  const config = join(home.path, 'server.properties');
  const logging = join(home.path, 'logging.properties');
  const { setting, properties: loggingProperties } = loggingOf(version);
  const jvm = ['-Xms512m', '-Xmx512m', '-Djava.awt.headless=true', setting(logging), '-cp', join(jars, '*')];
  const lines = { ...brokerProperties({ port, controllerPort }), 'log.dirs': join(home.path, 'data'), ...properties };
  writeFileSync(config, formatProperties(lines));
  writeFileSync(logging, formatProperties(loggingProperties));
  const format = ['format', '--config', config, '--cluster-id', clusterId, ...formatArguments];
  if (!existsSync(join(home.path, 'data', 'meta.properties'))) {
    await run(java(), [...jvm, 'kafka.tools.StorageTool', ...format], { home }).catch(async (error) => {
      await home.close();
      throw error;
    });
  }
  const daemon = await startDaemon({
    name: 'kafka',
    command: java(),
    args: [...jvm, 'kafka.Kafka', config],
    home,
    port,
    orderly: dataDir !== undefined,
    answers: () => brokerAnswers(port),
  });
  return Object.assign(daemon, { brokers: `127.0.0.1:${port}`, version });
}

/**
 * Starts several brokers of one cluster; the first is its controller, and should stay alive.
 *
 * @param {number} count
 * @param {Record<string, string | number | boolean>} [properties] of every broker, over ours
 * @returns {Promise<(Daemon & { brokers: string, version: string })[]>}
 */
export async function startKafkaCluster(count, properties = {}) {
  const clusterId = newClusterId();
  const controllerPort = await freePort();
  const all = [await startKafka({ controllerPort, clusterId, properties })];
  const others = Array.from({ length: count - 1 }, async (_, index) => {
    const port = await freePort();
    const itself = { 'process.roles': 'broker', 'node.id': index + 2, listeners: `PLAINTEXT://127.0.0.1:${port}` };
    return startKafka({ port, controllerPort, clusterId, properties: { ...itself, ...properties } });
  });
  const started = await Promise.allSettled(others);
  all.push(...started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])));
  const failed = started.find((each) => each.status === 'rejected');
  if (!failed) return all;
  await Promise.all(all.map((broker) => broker.stop()));
  throw failed.reason;
}

/**
 * What makes one small broker of a default one.
 *
 * @param {{ port: number, controllerPort: number, listenOn?: string }} addresses
 * @returns {Record<string, string | number | boolean>}
 */
export function brokerProperties({ port, controllerPort, listenOn = '127.0.0.1' }) {
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://${listenOn}:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'auto.create.topics.enable': false,
    'num.partitions': 1,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    // A killed broker is let in again when its old session has run out: after 4 s instead of 12.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
  };
}

/**
 * Whether the broker on a port is ready: it lists itself in its metadata, which it does once its controller has let it in.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export async function brokerAnswers(port) {
  // Metadata v4: length, api key, version, correlation id, no client id, no topics, create none.
  const request = Buffer.from('0000000f' + '0003' + '0004' + '00000001' + 'ffff' + '00000000' + '00', 'hex');
  // Length, correlation id, throttle time, number of brokers.
  const answer = await firstBytes(port, 16, request);
  return answer !== undefined && answer.readInt32BE(12) > 0;
}

/**
 * The folder with a version's jars, fetched by the first who asks.
 *
 * @param {string} version
 * @returns {Promise<string>}
 */
async function fetchJars(version) {
  const cache = process.env.TOCSIN_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tocsin');
  const folder = join(cache, `kafka-${version}`);
  const isComplete = () => existsSync(join(folder, 'complete'));
  if (isComplete()) return folder;
  await requirePrograms({
    present: () => hasProgram('mvn'),
    packages: ['maven'],
    remedy: MAVEN_REMEDY,
  });
  mkdirSync(cache, { recursive: true });
  const home = openHome(`kafka-${version}`, { parent: cache });
  try {
    await copyJars(version, home);
    moveInto(folder, home.path, isComplete);
    return folder;
  } finally {
    await home.close();
  }
}

/**
 * Moves a finished download to its place, unless another process was faster; half a download there makes way.
 *
 * @param {string} folder
 * @param {string} download
 * @param {() => boolean} isComplete
 */
function moveInto(folder, download, isComplete) {
  try {
    renameSync(download, folder);
  } catch {
    if (isComplete()) return;
    rmSync(folder, { recursive: true, force: true });
    renameSync(download, folder);
  }
}

/**
 * @param {string} version
 * @param {import('./processes.mjs').Home} home
 */
async function copyJars(version, home) {
  const quiet = ['-B', '-q', '-U', '-Dstyle.color=never'];
  const args = [...quiet, COPY_DEPENDENCIES, '-DincludeScope=runtime', '-DoutputDirectory=.'];
  const copy = () => run('mvn', args, { home, deadline: DOWNLOADED_WITHIN_MS });
  writeFileSync(join(home.path, 'pom.xml'), pom(version));
  // Once more, because Maven does not lock its local repository against another Maven.
  await copy()
    .catch(copy)
    .catch((error) => {
      throw new Unavailable(`Apache Kafka ${version} could not be fetched: give Maven a way to its jars. ${error.message}`);
    });
  writeFileSync(join(home.path, 'complete'), '');
}

/** @param {string} version */
function pom(version) {
  const kafka = { group: 'org.apache.kafka', artifact: 'kafka_2.13', version };
  const dependencies = [loggingOf(version).backend, kafka].map(
    (jar) => `<dependency><groupId>${jar.group}</groupId><artifactId>${jar.artifact}</artifactId><version>${jar.version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tocsin</groupId><artifactId>kafka-jars</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>${dependencies.join('')}</dependencies>
</project>
`;
}

/** @param {string} version */
function loggingOf(version) {
  return version.startsWith('3.') ? LOGGING[3] : LOGGING[4];
}

function java() {
  return process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : findProgram('java');
}

async function javaIsModern() {
  const version = await run(java(), ['--version']).catch(() => '');
  return Number(/^\S+ (\d+)/.exec(version)?.[1]) >= 17;
}

/** Sixteen bytes in base64; the first character must not look like an option's dash. */
function newClusterId() {
  return 'T' + randomBytes(16).toString('base64url').slice(1);
}

/** @param {Record<string, string | number | boolean>} properties */
function formatProperties(properties) {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
