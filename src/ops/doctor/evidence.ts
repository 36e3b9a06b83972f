import type { Config } from '../../config.js';
import type { DatabaseEvidence } from '../../database/examine.client.js';
import type { FolderEvidence } from '../../database/examine-folder.client.js';
import type { ClusterEvidence } from '../../log/cluster-evidence.js';

/** What the running server says of itself; absent in `ready` when nobody listens. */
export interface ServerEvidence {
  readonly url: string;
  readonly problem?: string;
  readonly ready?: { readonly status: string; readonly reasons: readonly string[] };
}

/** Everything that the doctor saw. */
export interface Evidence {
  readonly now: number;
  readonly config: Config;
  readonly node: string;
  /** Files that the process may have open; null when nobody says. */
  readonly openFiles: number | null;
  readonly server: ServerEvidence;
  readonly database: DatabaseEvidence;
  /** Embedded mode. */
  readonly folder?: FolderEvidence | undefined;
  readonly clusters: readonly ClusterEvidence[];
  /** Topics of the stages, with their dead letters. */
  readonly topics: readonly string[];
}
