import type { Command } from 'commander';
import { type Config, loadConfig } from '../config.js';
import { diagnose, verdictOf } from '../ops/doctor/doctor.js';
import { examine } from '../ops/doctor/examine.service.js';
import type { Finding } from '../ops/doctor/finding.js';
import { TocsinError } from '../shared/errors.js';
import { messageOf } from '../shared/error-message.js';

/** `tocsin doctor`: checks the installation and prints problems with evidence and remedy. Needs no server. Exit code 1 on a failure. */
export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check settings, brokers, topics, consumer groups, cursors, database and clocks; report problems and remedies. Read-only')
    .option('--json', 'print findings as JSON')
    .option('--all', 'include passed checks')
    .action(async (options: { json?: boolean; all?: boolean }) => {
      const findings = await findingsOf(loadConfigOrFinding());
      const verdict = verdictOf(findings);
      process.stdout.write(options.json ? `${JSON.stringify({ verdict, findings }, null, 2)}\n` : format(findings, options.all ?? false));
      // Connections that do not answer must not keep the answer waiting.
      process.exit(verdict === 'fail' ? 1 : 0);
    });
}

function loadConfigOrFinding(): Config | Finding {
  try {
    return loadConfig();
  } catch (error) {
    const evidence = messageOf(error);
    const code = error instanceof TocsinError ? error.code : 'T5011';
    return {
      check: 'settings',
      code,
      verdict: 'fail',
      evidence,
      remedy: 'correct the environment variable or the TOCSIN_CONFIG file; docs/settings.md lists all settings',
    };
  }
}

async function findingsOf(config: Config | Finding): Promise<Finding[]> {
  if ('check' in config) return [config];
  const well: Finding = { check: 'settings', code: 'T5011', verdict: 'ok', evidence: `${config.mode} mode` };
  try {
    return [well, ...diagnose(await examine(config))];
  } catch (error) {
    // Incomplete credentials or an unreadable certificate: each setting is valid, but the combination cannot be used.
    if (!(error instanceof TocsinError)) throw error;
    return [
      {
        check: 'settings',
        code: error.code,
        verdict: 'fail',
        evidence: error.message,
        remedy: 'correct the setting; docs/settings.md describes it',
      },
    ];
  }
}

const marks = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const;

function format(findings: readonly Finding[], all: boolean): string {
  const shown = findings.filter(({ verdict }) => all || verdict !== 'ok');
  const lines = shown.map(({ check, code, verdict, evidence, remedy }) =>
    verdict === 'ok' ? `${marks[verdict]} ${check}: ${evidence}\n` : `${marks[verdict]} ${check} (${code}): ${evidence}\n     ${remedy}\n`,
  );
  const count = (wanted: Finding['verdict']): number => findings.filter(({ verdict }) => verdict === wanted).length;
  return `${lines.join('')}${count('ok')} checks passed, ${count('warn')} warnings, ${count('fail')} failures\n`;
}
