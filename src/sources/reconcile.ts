import type { ClusterAccess } from '../log/cluster.js';
import { differences, type KafkaSource, type SourceSecrets } from '../access/registry/source.js';

/** A source as declared. */
export interface DesiredSource {
  readonly source: KafkaSource;
  readonly access: ClusterAccess;
}

/** A source as it runs. */
export type Actual = DesiredSource;

/** An action on a source, and its reason. */
export type SourceAction =
  | { readonly kind: 'start'; readonly name: string; readonly reason: string; readonly desired: DesiredSource }
  | { readonly kind: 'stop'; readonly name: string; readonly reason: string }
  | { readonly kind: 'restart'; readonly name: string; readonly reason: string; readonly desired: DesiredSource }
  /** The consumer continues; only the processing of its records changes. */
  | { readonly kind: 'adjust'; readonly name: string; readonly reason: string; readonly desired: DesiredSource };

/** Fields that change how a running consumer processes records, but not which records it reads. */
const adjustable: ReadonlySet<string> = new Set(['description', 'business', 'format', 'mapping', 'rate', 'max_in_flight', 'start']);
/** With explicit partitions there is no group to rejoin: only the assignment changes. */
const reassignable: ReadonlySet<string> = new Set(['topics', 'pattern', 'partitions']);

/**
 * Returns the actions that bring the running sources to the declared state. A source that matches its declaration has no action, so changes to other
 * sources do not affect it. Stops come first, so that a source can start under the name of a stopped one.
 */
export function reconcile(desired: readonly DesiredSource[], actual: ReadonlyMap<string, Actual>): SourceAction[] {
  const wanted = new Map(desired.filter(({ source }) => source.is_enabled).map((each) => [each.source.name, each]));
  const declared = new Set(desired.map(({ source }) => source.name));
  const stops = [...actual.keys()]
    .filter((name) => !wanted.has(name))
    .map((name): SourceAction => ({ kind: 'stop', name, reason: declared.has(name) ? 'disabled' : 'removed' }));
  return [...stops, ...[...wanted.values()].flatMap((each) => change(each, actual.get(each.source.name)))];
}

function change(desired: DesiredSource, actual: Actual | undefined): SourceAction[] {
  const { name } = desired.source;
  if (!actual) return [{ kind: 'start', name, reason: 'declared', desired }];
  if (actual.source.id !== desired.source.id) return [{ kind: 'restart', name, reason: 'removed and recreated', desired }];
  if (clusterKey(actual.access) !== clusterKey(desired.access)) return [{ kind: 'restart', name, reason: 'cluster changed', desired }];
  if (actual.source.version === desired.source.version) return [];
  const changed = differences(actual.source, desired.source).filter((field) => !stamps.has(field));
  const hard = changed.filter((field) => !adjustable.has(field) && !(desired.source.mode === 'assign' && reassignable.has(field)));
  if (hard.length > 0) return [{ kind: 'restart', name, reason: `${hard.join(', ')} changed`, desired }];
  return [{ kind: 'adjust', name, reason: changed.length > 0 ? `${changed.join(', ')} changed` : 'resumed', desired }];
}

const stamps: ReadonlySet<string> = new Set(['id', 'version', 'declared_at', 'created_at', 'updated_at']);

/** Connection settings for the cluster of a source. */
export function accessOf({ cluster }: Pick<KafkaSource, 'cluster'>, secrets: SourceSecrets): ClusterAccess {
  const { brokers, tls, sasl } = cluster;
  return {
    brokers,
    ...(tls && {
      tls: {
        ...(tls.ca !== undefined && { ca: tls.ca }),
        ...(tls.cert !== undefined && { cert: tls.cert }),
        ...(secrets.tls_key !== undefined && { key: secrets.tls_key }),
        ...(tls.server_name !== undefined && { serverName: tls.server_name }),
      },
    }),
    ...(sasl && { sasl: { mechanism: sasl.mechanism, username: sasl.username, password: secrets.password ?? '' } }),
  };
}

/** Sources with the same key share a connection. The key contains secrets: never log it. */
export const clusterKey = (access: ClusterAccess): string => JSON.stringify([[...access.brokers].sort(), access.tls, access.sasl]);
