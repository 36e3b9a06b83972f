import { brokerFindings, topicFindings } from './cluster-findings.js';
import {
  clockFindings,
  databaseFindings,
  databaseModeFindings,
  databaseVersionFindings,
  durabilityFindings,
  outboxFindings,
  schemaFindings,
} from './database-findings.js';
import type { Evidence } from './evidence.js';
import type { Finding, Verdict } from './finding.js';
import { cursorFindings, groupFindings, pauseFindings, ownerFindings } from './group-findings.js';
import { diskFindings, folderFindings, nodeFindings, openFilesFindings, serverFindings } from './process-findings.js';

/** All checks, causes before their consequences. */
const checks: readonly ((evidence: Evidence) => Finding[])[] = [
  nodeFindings,
  openFilesFindings,
  folderFindings,
  diskFindings,
  databaseFindings,
  databaseVersionFindings,
  durabilityFindings,
  databaseModeFindings,
  schemaFindings,
  brokerFindings,
  topicFindings,
  clockFindings,
  cursorFindings,
  pauseFindings,
  groupFindings,
  ownerFindings,
  outboxFindings,
  serverFindings,
];

/** Runs all checks on the evidence. */
export function diagnose(evidence: Evidence): Finding[] {
  return checks.flatMap((check) => check(evidence));
}

/** The worst of the verdicts. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  return (['fail', 'warn'] as const).find((verdict) => findings.some((each) => each.verdict === verdict)) ?? 'ok';
}
