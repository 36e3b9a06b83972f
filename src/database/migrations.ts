import type { MigrationInterface } from 'typeorm';
import { Log1700000000001 } from '../../migrations/0001-log.js';
import { Detect1700000000002 } from '../../migrations/0002-detect.js';
import { Alert1700000000003 } from '../../migrations/0003-alert.js';
import { Converge1700000000004 } from '../../migrations/0004-converge.js';
import { Notice1700000000005 } from '../../migrations/0005-notice.js';
import { Operations1700000000008 } from '../../migrations/0008-operations.js';
import { Degrade1700000000007 } from '../../migrations/0007-degrade.js';
import { Sources1700000000006 } from '../../migrations/0006-sources.js';
import { Push1700000000009 } from '../../migrations/0009-push.js';

/** Every migration, in order. One file per change; a landed one is never edited. */
export const migrations: (new () => MigrationInterface)[] = [
  Log1700000000001,
  Detect1700000000002,
  Alert1700000000003,
  Converge1700000000004,
  Notice1700000000005,
  Sources1700000000006,
  Degrade1700000000007,
  Operations1700000000008,
  Push1700000000009,
];
