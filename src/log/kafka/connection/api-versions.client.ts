import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ClusterAccess } from '../../cluster.js';

/** Version range of one request type. */
export interface ApiVersionRange {
  readonly key: number;
  readonly min: number;
  readonly max: number;
}

/** The request types that Tocsin sends, with the versions that kafkajs 2.2.4 implements (its src/protocol/requests). */
export const clientApiVersions: readonly (ApiVersionRange & { readonly name: string })[] = [
  // Encoded by Tocsin itself, always as version 7.
  { name: 'Produce', key: 0, min: 7, max: 7 },
  { name: 'Fetch', key: 1, min: 0, max: 11 },
  { name: 'ListOffsets', key: 2, min: 0, max: 3 },
  { name: 'Metadata', key: 3, min: 0, max: 6 },
  { name: 'OffsetCommit', key: 8, min: 0, max: 5 },
  { name: 'OffsetFetch', key: 9, min: 1, max: 4 },
  { name: 'FindCoordinator', key: 10, min: 0, max: 2 },
  { name: 'JoinGroup', key: 11, min: 0, max: 5 },
  { name: 'Heartbeat', key: 12, min: 0, max: 3 },
  { name: 'LeaveGroup', key: 13, min: 0, max: 3 },
  { name: 'SyncGroup', key: 14, min: 0, max: 3 },
  { name: 'DescribeGroups', key: 15, min: 0, max: 2 },
  { name: 'ListGroups', key: 16, min: 0, max: 2 },
  { name: 'SaslHandshake', key: 17, min: 0, max: 1 },
  { name: 'ApiVersions', key: 18, min: 0, max: 2 },
  { name: 'CreateTopics', key: 19, min: 0, max: 3 },
  { name: 'InitProducerId', key: 22, min: 0, max: 1 },
  { name: 'DescribeConfigs', key: 32, min: 0, max: 2 },
  { name: 'SaslAuthenticate', key: 36, min: 0, max: 1 },
  { name: 'CreatePartitions', key: 37, min: 0, max: 1 },
  { name: 'IncrementalAlterConfigs', key: 44, min: 0, max: 0 },
];

/** ApiVersions version 0 with a null client id; brokers answer it before authentication. */
const REQUEST = Buffer.from('0000000a' + '0012' + '0000' + '00000001' + 'ffff', 'hex');
const MAX_RESPONSE_BYTES = 65_536;

/** Requests the supported API versions of one broker. Rejects without a valid Kafka response within `timeoutMs`. */
export function fetchApiVersions(address: string, { tls }: Pick<ClusterAccess, 'tls'>, timeoutMs: number): Promise<ApiVersionRange[]> {
  const separator = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, separator), Number(address.slice(separator + 1))];
  return new Promise((resolve, reject) => {
    const sendRequest = (): unknown => socket.write(REQUEST);
    const socket = tls ? connectTls({ host, port, servername: tls.serverName ?? host, ...tls }, sendRequest) : connect(port, host, sendRequest);
    let response = Buffer.alloc(0);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const timer = setTimeout(() => finish(() => reject(new Error('request timed out'))), timeoutMs);
    socket.on('error', (error: Error) => finish(() => reject(error)));
    socket.on('close', () => finish(() => reject(new Error('connection closed by the broker'))));
    socket.on('data', (bytes: Buffer) => {
      response = Buffer.concat([response, bytes]);
      if (response.length > MAX_RESPONSE_BYTES) return finish(() => reject(new Error('response is not in the Kafka protocol')));
      if (response.length < 4 || response.length < 4 + response.readInt32BE(0)) return;
      finish(() => {
        const ranges = parseApiVersions(response.subarray(4));
        if (ranges) resolve(ranges);
        else reject(new Error('response is not in the Kafka protocol'));
      });
    });
  });
}

/** Correlation id, error code, and three int16 per API. */
export function parseApiVersions(body: Buffer): ApiVersionRange[] | undefined {
  if (body.length < 10 || body.readInt32BE(0) !== 1 || body.readInt16BE(4) !== 0) return undefined;
  const count = body.readInt32BE(6);
  if (count < 1 || body.length < 10 + 6 * count) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const from = 10 + 6 * index;
    return { key: body.readInt16BE(from), min: body.readInt16BE(from + 2), max: body.readInt16BE(from + 4) };
  });
}
