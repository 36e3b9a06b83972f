import { readFileSync } from 'node:fs';
import type { Config } from '../../../config.js';
import { TocsinError } from '../../../shared/errors.js';
import type { ClusterAccess } from '../../cluster.js';
import { messageOf } from '../../../shared/error-message.js';

type AccessSettings = Pick<
  Config,
  | 'KAFKA_BROKERS'
  | 'KAFKA_TLS'
  | 'KAFKA_TLS_CA_FILE'
  | 'KAFKA_TLS_CERT_FILE'
  | 'KAFKA_TLS_KEY_FILE'
  | 'KAFKA_TLS_KEY_PASSPHRASE'
  | 'KAFKA_TLS_SERVER_NAME'
  | 'KAFKA_SASL_MECHANISM'
  | 'KAFKA_SASL_USERNAME'
  | 'KAFKA_SASL_PASSWORD'
>;

/** Access to the cluster of KAFKA_BROKERS. Throws {@link TocsinError} T5001 for an unreadable file and for incomplete SASL settings. */
export function mainAccess(config: Config): ClusterAccess {
  return accessFrom(config, '');
}

/** Access to the cluster of ALERT_KAFKA_BROKERS; undefined where alerts share the main cluster. */
export function alertAccess(config: Config): ClusterAccess | undefined {
  if (!config.ALERT_KAFKA_BROKERS?.length) return undefined;
  return accessFrom(
    {
      KAFKA_BROKERS: config.ALERT_KAFKA_BROKERS,
      KAFKA_TLS: config.ALERT_KAFKA_TLS,
      KAFKA_TLS_CA_FILE: config.ALERT_KAFKA_TLS_CA_FILE,
      KAFKA_TLS_CERT_FILE: config.ALERT_KAFKA_TLS_CERT_FILE,
      KAFKA_TLS_KEY_FILE: config.ALERT_KAFKA_TLS_KEY_FILE,
      KAFKA_TLS_KEY_PASSPHRASE: config.ALERT_KAFKA_TLS_KEY_PASSPHRASE,
      KAFKA_TLS_SERVER_NAME: config.ALERT_KAFKA_TLS_SERVER_NAME,
      KAFKA_SASL_MECHANISM: config.ALERT_KAFKA_SASL_MECHANISM,
      KAFKA_SASL_USERNAME: config.ALERT_KAFKA_SASL_USERNAME,
      KAFKA_SASL_PASSWORD: config.ALERT_KAFKA_SASL_PASSWORD,
    },
    'ALERT_',
  );
}

function accessFrom(settings: AccessSettings, prefix: string): ClusterAccess {
  const { KAFKA_BROKERS: brokers = [], KAFKA_TLS: tls, KAFKA_SASL_MECHANISM: mechanism } = settings;
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = settings;
  const { KAFKA_TLS_KEY_PASSPHRASE: passphrase, KAFKA_TLS_SERVER_NAME: serverName } = settings;
  if ((mechanism || username || password) && !(mechanism && username && password)) {
    throw new TocsinError('T5001', `${prefix}KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD must be set together`);
  }
  const pem = (name: 'KAFKA_TLS_CA_FILE' | 'KAFKA_TLS_CERT_FILE' | 'KAFKA_TLS_KEY_FILE') => settings[name] && readPem(prefix + name, settings[name]);
  const [ca, cert, key] = [pem('KAFKA_TLS_CA_FILE'), pem('KAFKA_TLS_CERT_FILE'), pem('KAFKA_TLS_KEY_FILE')];
  return {
    brokers,
    ...(tls && {
      tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), ...(passphrase && { passphrase }), ...(serverName && { serverName }) },
    }),
    ...(mechanism && username && password && { sasl: { mechanism, username, password } }),
  };
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TocsinError('T5001', `${name}=${path}: ${messageOf(error)}`);
  }
}
