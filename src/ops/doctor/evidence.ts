import type { Config } from '../../config.js';
import type { DatabaseEvidence } from '../../database/examine.client.js';
import type { FolderEvidence } from '../../database/examine-folder.client.js';
import type { ClusterEvidence } from '../../log/cluster-evidence.js';

/** Readiness as the server reports it; `ready` is absent when the server does not respond. */
export interface ServerEvidence {
  readonly url: string;
  readonly problem?: string;
  readonly ready?: { readonly status: string; readonly reasons: readonly string[] };
}

/** Input of all checks. */
export interface Evidence {
  readonly now: number;
  readonly config: Config;
  readonly node: string;
  /** Limit of open files of the process; null when unknown. */
  readonly openFiles: number | null;
  readonly server: ServerEvidence;
  readonly database: DatabaseEvidence;
  /** Only in embedded mode. */
  readonly folder?: FolderEvidence | undefined;
  readonly clusters: readonly ClusterEvidence[];
  /** Topics of the stages, and their dead-letter topics. */
  readonly topics: readonly string[];
}
