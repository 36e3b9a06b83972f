import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { TocsinError } from './shared/errors.js';
import type { Setting } from './shared/setting.js';
import { type Settings, settings } from './shared/settings.js';

/** The fields of {@link Settings} as those of a class. */
const SettingsClass = class {} as unknown as abstract new () => Settings;

/** The typed settings of this process. A class, so that it is both type and injection token; it is never instantiated. */
export abstract class Config extends SettingsClass {
  abstract readonly mode: 'embedded' | 'distributed';
}

/**
 * Parses settings. `env` takes precedence over `file`; an empty value counts as absent.
 * Throws {@link TocsinError} T5001 that lists every invalid setting, T5002 when only one of KAFKA_BROKERS and DATABASE_URL is set.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>, file: Readonly<Record<string, unknown>> = {}): Config {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const name of Object.keys(file)) {
    if (!(name in settings)) problems.push(`${name} in the settings file is not a setting`);
  }
  for (const [name, { schema, default: byDefault }] of Object.entries(settings) as [string, Setting<unknown>][]) {
    const given = env[name] || textOf(file[name]);
    const parsed = schema.safeParse(given ?? byDefault);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${name}=${given}: ${parsed.error.issues[0]?.message}`);
  }
  if (problems.length > 0) throw new TocsinError('T5001', problems.join('; '));
  return { ...(values as unknown as Settings), mode: mode(values as unknown as Settings) };
}

/** Converts a value of the settings file to the text of an environment variable: lists are joined with commas, objects become JSON. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? value.join(',') : typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean);
}

function mode({ KAFKA_BROKERS, DATABASE_URL }: Settings): Config['mode'] {
  if (KAFKA_BROKERS?.length && DATABASE_URL) return 'distributed';
  if (!KAFKA_BROKERS?.length && !DATABASE_URL) return 'embedded';
  const [set, missing] = DATABASE_URL ? ['DATABASE_URL', 'KAFKA_BROKERS'] : ['KAFKA_BROKERS', 'DATABASE_URL'];
  throw new TocsinError('T5002', `${set} is set but ${missing} is not; set both for distributed mode, or neither for embedded mode`);
}

/** Loads the settings of this process: environment, then the YAML file that TOCSIN_CONFIG names, then defaults. The only reader of both. */
export function loadConfig(overrides: Readonly<Record<string, string | undefined>> = {}): Config {
  const env = { ...process.env, ...overrides };
  return parseConfig(env, env['TOCSIN_CONFIG'] ? readSettingsFile(env['TOCSIN_CONFIG']) : {});
}

function readSettingsFile(path: string): Record<string, unknown> {
  const parsed: unknown = parseYaml(readFileSync(path, 'utf8'));
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new TocsinError('T5001', `${path} must be a YAML mapping of settings`);
  }
  return parsed as Record<string, unknown>;
}
