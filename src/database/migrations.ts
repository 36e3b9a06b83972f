import type { MigrationInterface } from 'typeorm';
import { Baseline1800000000001 } from '../../migrations/0001-baseline.js';

/** Every migration, in order. One file per change; a migration on the main branch is never edited. */
export const migrations: (new () => MigrationInterface)[] = [Baseline1800000000001];

/** Migrations of development versions of 0.1.0, which the baseline replaced (ADR 0013). */
const replaced = /^(?:Log|Detect|Alert|Converge|Notice|Sources|Degrade|Operations|Push)170000000000[1-9]$/;

/** The migrations in `ran` that the baseline replaced, so that this version cannot continue from them. */
export const replacedMigrations = (ran: readonly string[]): string[] => ran.filter((name) => replaced.test(name));
