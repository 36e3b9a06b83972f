// A real Apache Kafka that asks who its clients are: TLS, client certificates, SASL.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from './kafka.mjs';
import { freePort, run } from './processes.mjs';

/** The name in the broker's certificate; its address is not. */
export const SERVER_NAME = 'broker.test';
export const USER = { username: 'ann', password: 'ann-knows-a-secret' };

/**
 * Starts a broker with one listener for each way in.
 *
 * @returns {Promise<import('./processes.mjs').Daemon & {
 *   brokers: string,
 *   sasl: string,
 *   saslTls: string,
 *   tls: string,
 *   pems: string,
 * }>} addresses: `brokers` is plain, `sasl` asks for a login, `saslTls` does so over TLS, `tls` asks for a client certificate. `pems` is a
 *   folder with ca.pem, client.pem, client-key.pem, and other-ca.pem, which has signed nothing
 */
export async function startSecureKafka() {
  const pems = mkdtempSync(join(tmpdir(), 'tocsin-pems-'));
  try {
    await makeCertificates(pems);
    const [port, controller, sasl, saslTls, tls] = await Promise.all(Array.from({ length: 5 }, freePort));
    const listeners = { PLAINTEXT: port, SASL_PLAINTEXT: sasl, SASL_SSL: saslTls, SSL: tls };
    const addresses = Object.entries(listeners).map(([name, on]) => `${name}://127.0.0.1:${on}`);
    const kafka = await startKafka({
      port,
      controllerPort: controller,
      properties: {
        listeners: [...addresses, `CONTROLLER://127.0.0.1:${controller}`].join(),
        'advertised.listeners': addresses.join(),
        ...security(pems),
      },
      formatArguments: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
        '--add-scram',
        `${mechanism}=[name=${USER.username},password=${USER.password}]`,
      ]),
    });
    const { stop } = kafka;
    return Object.assign(kafka, {
      sasl: `127.0.0.1:${sasl}`,
      saslTls: `127.0.0.1:${saslTls}`,
      tls: `127.0.0.1:${tls}`,
      pems,
      async stop() {
        await stop();
        rmSync(pems, { recursive: true, force: true });
      },
    });
  } catch (error) {
    rmSync(pems, { recursive: true, force: true });
    throw error;
  }
}

/** @param {string} pems */
function security(pems) {
  const logins = ['sasl_plaintext', 'sasl_ssl'].flatMap((listener) => [
    [
      `listener.name.${listener}.plain.sasl.jaas.config`,
      `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER.username}="${USER.password}";`,
    ],
    ...['256', '512'].map((bits) => [
      `listener.name.${listener}.scram-sha-${bits}.sasl.jaas.config`,
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    ]),
  ]);
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...Object.fromEntries(logins),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(pems, 'broker.keystore.pem'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(pems, 'ca.pem'),
    'listener.name.ssl.ssl.client.auth': 'required',
  };
}

/** @param {string} pems */
async function makeCertificates(pems) {
  mkdirSync(pems, { recursive: true });
  const openssl = (...args) => run('openssl', args, { home: { path: pems, watch: () => {}, close: async () => {} } });
  const authority = (name) =>
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}.pem`,
    );
  await Promise.all([authority('ca'), authority('other-ca')]);
  const signed = async (name, commonName) => {
    writeFileSync(join(pems, `${name}.ext`), `subjectAltName=DNS:${commonName}\n`);
    await openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${commonName}`, '-keyout', `${name}-key.pem`, '-out', `${name}.csr`);
    const days = ['-days', '2', '-extfile', `${name}.ext`, '-set_serial', String(Date.now() + name.length)];
    await openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', ...days, '-out', `${name}.pem`);
  };
  await Promise.all([signed('broker', SERVER_NAME), signed('client', 'client.test')]);
  const text = (name) => readFileSync(join(pems, name), 'utf8');
  writeFileSync(join(pems, 'broker.keystore.pem'), text('broker-key.pem') + text('broker.pem') + text('ca.pem'));
}
