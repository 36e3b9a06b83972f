import { createSecureContext, connect as connectTls } from 'node:tls';
import { type ErrorCode, errors, TocsinError } from '../../../shared/errors.js';
import type { ClusterAccess } from '../../cluster.js';

/** What the errors of kafkajs carry, beside what its types say. */
interface Failure {
  readonly name?: string;
  readonly message?: string;
  readonly type?: string;
  readonly code?: string | number;
  readonly broker?: string;
  readonly cause?: unknown;
}

interface Reason {
  readonly code: ErrorCode;
  readonly says: string;
}

const TLS_WORDS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: "no authority that we trust has signed the broker's certificate",
  DEPTH_ZERO_SELF_SIGNED_CERT: "no authority that we trust has signed the broker's certificate",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "no authority that we trust has signed the broker's certificate",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "no authority that we trust has signed the broker's certificate",
  UNABLE_TO_GET_ISSUER_CERT: "no authority that we trust has signed the broker's certificate",
  CERT_SIGNATURE_FAILURE: "no authority that we trust has signed the broker's certificate",
  CERT_HAS_EXPIRED: "the broker's certificate has expired",
  CERT_NOT_YET_VALID: "the broker's certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "the broker's certificate is for another name",
};

const NETWORK_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  ETIMEDOUT: 'no answer in time',
};

/** The error inside the wrappers that kafkajs puts around it when it gives up. */
export function innermost(error: unknown): Failure {
  const failure = error as Failure;
  return failure.cause instanceof Error ? innermost(failure.cause) : failure;
}

/**
 * Why a cluster does not answer, as the code and the words that people can act on. Without secrets: kafkajs never puts them into messages.
 * `greeting`: it never answered before on this connection, so that hanging up is a refusal.
 */
export function refusal(error: unknown, { tls, sasl }: Pick<ClusterAccess, 'tls' | 'sasl'>, greeting: boolean): Reason {
  const { name, type, message = String(error), code = '' } = innermost(error);
  if (type === 'ILLEGAL_SASL_STATE') return { code: 'T7002', says: 'the listener asks for no login, but one is configured' };
  if (name === 'KafkaJSSASLAuthenticationError' || type?.includes('SASL')) return { code: 'T7002', says: message };
  const words = TLS_WORDS[code];
  if (words) return { code: 'T7003', says: `${words} (${detail(message)})` };
  if (tls && /before secure TLS|WRONG_VERSION_NUMBER|wrong version number/.test(message)) {
    return { code: 'T7003', says: 'the listener does not speak TLS, but the settings do' };
  }
  if (tls && /CERTIFICATE_REQUIRED|certificate required|bad certificate|BAD_CERTIFICATE|UNKNOWN_CA|unknown ca/.test(`${code} ${message}`)) {
    return {
      code: 'T7003',
      says: `the broker ${tls.cert ? 'does not accept our certificate' : 'asks for a client certificate, and none is configured'}`,
    };
  }
  if (tls && /SSL|TLS|EPROTO/.test(`${code} ${message}`)) return { code: 'T7003', says: detail(message) };
  if (name === 'KafkaJSConnectionClosedError' && greeting && !sasl) {
    return { code: 'T7002', says: 'the broker closes the connection: its listener asks for a login, and none is configured' };
  }
  if (name === 'KafkaJSRequestTimeoutError' || message === 'Connection timeout') return { code: 'T7001', says: 'no answer in time' };
  if (type) return { code: 'T7004', says: `${type}: ${message}` };
  return { code: 'T7001', says: NETWORK_WORDS[code] ?? detail(message) };
}

const detail = (message: string): string => message.replace(/^(Connection error|Failed to connect): /, '');

/** The error of kafkajs as one of ours that says which broker refuses, and why. `greeted`: the broker whom we were just connecting to; empty when it is not known which. */
export async function told(error: unknown, access: ClusterAccess, greeted?: string): Promise<TocsinError> {
  if (error instanceof TocsinError) return error;
  const failure = innermost(error);
  const address = failure.broker ?? (greeted || undefined);
  const { code, says } =
    greeted !== undefined && failure.name === 'KafkaJSConnectionClosedError' && !access.tls && address && (await speaksTls(address))
      ? { code: 'T7003' as const, says: 'the listener speaks TLS, but the settings do not' }
      : refusal(error, access, greeted !== undefined);
  return new TocsinError(code, address ? `${address}: ${says}` : says);
}

/** The same error, and whose it is. */
export function ofCluster(owner: string, error: unknown): unknown {
  if (!(error instanceof TocsinError)) return error;
  return new TocsinError(error.code, `${owner}: ${error.message.slice(errors[error.code].title.length + 2)}`);
}

/** Throws T7003 when authority, certificate or key are not what they should be, before anything is sent anywhere. */
export function checkPems({ tls }: ClusterAccess): void {
  if (!tls) return;
  try {
    createSecureContext({ ...tls });
  } catch (error) {
    throw new TocsinError('T7003', `authority, certificate or key cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function speaksTls(address: string): Promise<boolean> {
  const [host, port] = [address.slice(0, address.lastIndexOf(':')), Number(address.slice(address.lastIndexOf(':') + 1))];
  return new Promise((resolve) => {
    // Nothing is sent and nothing is trusted: only whether there is an answer matters.
    const socket = connectTls({ host, port, rejectUnauthorized: false, timeout: 2000 }, () => answer(true));
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.on('error', () => answer(false)).on('timeout', () => answer(false));
  });
}
