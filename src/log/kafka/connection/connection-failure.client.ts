import { createSecureContext, connect as connectTls } from 'node:tls';
import { type ErrorCode, errors, TocsinError } from '../../../shared/errors.js';
import type { ClusterAccess } from '../../cluster.js';
import { messageOf } from '../../../shared/error-message.js';

/** Properties of kafkajs errors beyond their declared types. */
interface KafkajsFailure {
  readonly name?: string;
  readonly message?: string;
  readonly type?: string;
  readonly code?: string | number;
  readonly broker?: string;
  readonly cause?: unknown;
}

interface ConnectionFailure {
  readonly code: ErrorCode;
  readonly explanation: string;
}

const TLS_ERRORS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'broker certificate is not signed by a trusted certificate authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'broker certificate is not signed by a trusted certificate authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'broker certificate is not signed by a trusted certificate authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'broker certificate is not signed by a trusted certificate authority',
  UNABLE_TO_GET_ISSUER_CERT: 'broker certificate is not signed by a trusted certificate authority',
  CERT_SIGNATURE_FAILURE: 'broker certificate is not signed by a trusted certificate authority',
  CERT_HAS_EXPIRED: 'broker certificate has expired',
  CERT_NOT_YET_VALID: 'broker certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'broker certificate does not match the host name',
};

const NETWORK_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'host name not found (DNS)',
  EAI_AGAIN: 'DNS lookup failed',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
};

/** Unwraps the errors that kafkajs adds after its last retry. */
export function rootCause(error: unknown): KafkajsFailure {
  const failure = error as KafkajsFailure;
  return failure.cause instanceof Error ? rootCause(failure.cause) : failure;
}

/**
 * Explains a connection failure with an error code and a text that an operator can act on. Free of secrets: kafkajs never puts them
 * into messages. `isFirstContact`: no request has succeeded on this connection, so a closed connection means that the broker rejected it.
 */
export function explainFailure(error: unknown, { tls, sasl }: Pick<ClusterAccess, 'tls' | 'sasl'>, isFirstContact: boolean): ConnectionFailure {
  const { name, type, message = String(error), code = '' } = rootCause(error);
  if (type === 'ILLEGAL_SASL_STATE') return { code: 'T7002', explanation: 'listener does not support SASL, but SASL is configured' };
  if (name === 'KafkaJSSASLAuthenticationError' || type?.includes('SASL')) return { code: 'T7002', explanation: message };
  const tlsError = TLS_ERRORS[code];
  if (tlsError) return { code: 'T7003', explanation: `${tlsError} (${detail(message)})` };
  if (tls && /before secure TLS|WRONG_VERSION_NUMBER|wrong version number/.test(message)) {
    return { code: 'T7003', explanation: 'listener does not use TLS, but TLS is configured' };
  }
  if (tls && /CERTIFICATE_REQUIRED|certificate required|bad certificate|BAD_CERTIFICATE|UNKNOWN_CA|unknown ca/.test(`${code} ${message}`)) {
    return {
      code: 'T7003',
      explanation: `the broker ${tls.cert ? 'rejected the client certificate' : 'requires a client certificate, but none is configured'}`,
    };
  }
  if (tls && /SSL|TLS|EPROTO/.test(`${code} ${message}`)) return { code: 'T7003', explanation: detail(message) };
  if (name === 'KafkaJSConnectionClosedError' && isFirstContact && !sasl) {
    return { code: 'T7002', explanation: 'connection closed by the broker: its listener requires SASL, but SASL is not configured' };
  }
  if (name === 'KafkaJSRequestTimeoutError' || message === 'Connection timeout') return { code: 'T7001', explanation: 'request timed out' };
  if (type) return { code: 'T7004', explanation: `${type}: ${message}` };
  return { code: 'T7001', explanation: NETWORK_ERRORS[code] ?? detail(message) };
}

const detail = (message: string): string => message.replace(/^(Connection error|Failed to connect): /, '');

/** Converts a kafkajs error to one that names the broker and the cause. `connectingTo`: the broker being connected to; empty when unknown. */
export async function toTocsinError(error: unknown, access: ClusterAccess, connectingTo?: string): Promise<TocsinError> {
  if (error instanceof TocsinError) return error;
  const failure = rootCause(error);
  const address = failure.broker ?? (connectingTo || undefined);
  const { code, explanation } =
    connectingTo !== undefined && failure.name === 'KafkaJSConnectionClosedError' && !access.tls && address && (await speaksTls(address))
      ? { code: 'T7003' as const, explanation: 'listener uses TLS, but TLS is not configured' }
      : explainFailure(error, access, connectingTo !== undefined);
  return new TocsinError(code, address ? `${address}: ${explanation}` : explanation);
}

/** Prefixes the error with the name of the cluster. */
export function withClusterName(cluster: string, error: unknown): unknown {
  if (!(error instanceof TocsinError)) return error;
  return new TocsinError(error.code, `${cluster}: ${error.message.slice(errors[error.code].title.length + 2)}`);
}

/** Throws T7003 when CA, certificate or key are invalid, before any connection is made. */
export function checkTlsMaterial({ tls }: ClusterAccess): void {
  if (!tls) return;
  try {
    createSecureContext({ ...tls });
  } catch (error) {
    throw new TocsinError('T7003', `invalid certificate authority, certificate or private key: ${messageOf(error)}`);
  }
}

function speaksTls(address: string): Promise<boolean> {
  const [host, port] = [address.slice(0, address.lastIndexOf(':')), Number(address.slice(address.lastIndexOf(':') + 1))];
  return new Promise((resolve) => {
    // Only the success of the handshake matters; no data is sent.
    const socket = connectTls({ host, port, rejectUnauthorized: false, timeout: 2000 }, () => finish(true));
    const finish = (isTls: boolean): void => {
      socket.destroy();
      resolve(isTls);
    };
    socket.on('error', () => finish(false)).on('timeout', () => finish(false));
  });
}
