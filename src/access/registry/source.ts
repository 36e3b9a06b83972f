import { z } from 'zod';
import { TocsinError } from '../../shared/errors.js';
import { businessName, businessFormat } from '../business.js';
import { formatNames } from '../formats/formats.js';
import { mappingSchema } from '../formats/mapping.js';
import { readTime } from '../time.js';
import { patternProblem } from './topic-pattern.js';

/** Placeholder for a stored secret; in a request it means unchanged. */
export const REDACTED = '********';

const wholeNumber = z.number().int().nonnegative();
const topicName = z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, 'must be 1 to 249 of A-Z a-z 0-9 . _ -');
const secret = z
  .string()
  .min(1)
  .optional()
  .transform((text) => (text === REDACTED ? undefined : text));

const business = z
  .union([z.string(), z.number()])
  .refine((value) => businessName(value) !== undefined, `must be ${businessFormat}`)
  .transform((value) => businessName(value)!);

const timestamp = z
  .union([z.number(), z.string()])
  .refine((value) => readTime(value) !== undefined, 'must be a timestamp: epoch s or ms, or RFC 3339')
  .transform((value) => readTime(value)!);

const tls = z
  .union([
    z.literal(true),
    z.strictObject({
      ca: z.string().min(1).optional(),
      cert: z.string().min(1).optional(),
      key: secret,
      server_name: z.string().min(1).optional(),
    }),
  ])
  .transform((value) => (value === true ? { key: undefined } : value));

/** The mechanisms that `ClusterAccess` supports. */
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const clusterSchema = z.strictObject({
  brokers: z
    .array(z.string().regex(/^(?:\[[0-9a-f:]+\]|[^\s:,/]+):\d{1,5}$/i, 'must be host:port'))
    .min(1)
    .max(50),
  tls: tls.optional(),
  sasl: z.strictObject({ mechanism: z.enum(mechanisms), username: z.string().min(1), password: secret }).optional(),
});

const common = {
  name: z
    .string()
    .regex(/^[a-z0-9._-]{1,64}$/, 'must be 1 to 64 of a-z 0-9 . _ -')
    .refine((name) => !/^\.+$/.test(name), 'must not be only dots'),
  description: z.string().max(1000).default(''),
  is_enabled: z.boolean().default(true),
  /** Business (bk_biz_id) of events that name none. */
  business: business.optional(),
  format: z.enum(formatNames).default('tocsin'),
  mapping: mappingSchema.optional(),
  rate: z.strictObject({ events_per_second: z.number().positive(), burst: z.number().positive().optional() }).optional(),
};

const kafkaSchema = z.strictObject({
  ...common,
  kind: z.literal('kafka'),
  cluster: clusterSchema,
  topics: z.array(topicName).min(1).max(1000).optional(),
  pattern: z.string().min(1).max(200).superRefine(checkPattern).optional(),
  mode: z.enum(['subscribe', 'assign']).default('subscribe'),
  partitions: z.array(wholeNumber).min(1).max(10_000).optional(),
  group_id: z
    .string()
    .regex(/^[!-~]{1,200}$/, 'must be 1 to 200 printable ASCII characters without spaces')
    .optional(),
  start: z.union([z.enum(['latest', 'earliest']), z.strictObject({ timestamp })]).default('latest'),
  max_in_flight: z.number().int().min(1).max(64).default(4),
});

const httpSchema = z.strictObject({ ...common, kind: z.literal('http'), data_id: wholeNumber.optional() });

const schema = z.discriminatedUnion('kind', [kafkaSchema, httpSchema]).superRefine(checkTogether);

function checkPattern(pattern: string, context: { addIssue(message: string): void }): void {
  const problem = patternProblem(pattern);
  if (problem) context.addIssue(problem);
}

type Given = z.output<typeof kafkaSchema> | z.output<typeof httpSchema>;

function checkTogether(given: Given, context: z.RefinementCtx<Given>): void {
  const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (given.format === 'mapping' && !given.mapping) refuse(['mapping'], 'is required by the format mapping');
  if (given.format !== 'mapping' && given.mapping) refuse(['mapping'], 'is only allowed with the format mapping');
  if (given.kind === 'http') return;
  if ((given.topics === undefined) === (given.pattern === undefined)) refuse(['topics'], 'exactly one of topics and pattern is required');
  if (given.partitions && given.mode !== 'assign') refuse(['partitions'], 'are only allowed with mode assign');
  if (given.group_id !== undefined && given.mode === 'assign') refuse(['group_id'], 'is only allowed with mode subscribe');
  if (new Set(given.topics).size !== (given.topics?.length ?? 0)) refuse(['topics'], 'must differ');
  if (given.cluster.tls?.cert === undefined && given.cluster.tls?.key !== undefined) refuse(['cluster', 'tls', 'cert'], 'is required with key');
}

/** The body of a source in requests and files. */
export const sourceSchema = schema;

/** Secrets of a source; stored encrypted, never returned. */
export interface SourceSecrets {
  readonly password?: string;
  readonly tls_key?: string;
}

/** The declared fields, without secrets. */
export type KafkaDefinition = z.output<typeof kafkaSchema>;
export type HttpDefinition = z.output<typeof httpSchema>;
export type SourceDefinition = KafkaDefinition | HttpDefinition;

/** Identity, version and times of a stored definition. */
export interface SourceStamp {
  readonly id: number;
  /** Increases with every change of a source. */
  readonly version: number;
  /** Time (ms) since which the present topics are read. */
  readonly declared_at: number;
  readonly created_at: number;
  readonly updated_at: number;
}

export type KafkaSource = KafkaDefinition & SourceStamp;
export type HttpSource = HttpDefinition & SourceStamp;
/** A declared source. */
export type Source = KafkaSource | HttpSource;

/** A source from a request, with its secrets separate. */
export interface ParsedSource {
  readonly definition: SourceDefinition;
  readonly secrets: SourceSecrets;
}

/**
 * Parses a source from a request or a file and separates its secrets. Throws {@link TocsinError} T7020 whose message and details list every
 * invalid field. Values are never repeated, because they could be secrets.
 */
export function parseSource(value: unknown): ParsedSource {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap(problemsOf);
    throw new TocsinError('T7020', problems.map(({ field, problem }) => `${field}: ${problem}`).join('; '), problems);
  }
  return withoutSecrets(parsed.data);
}

/** The body of a replacement: the name may be omitted, and the stamps of an API response are ignored. */
export function namedSource(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const {
    id: _id,
    version: _version,
    declared_at: _declared,
    created_at: _created,
    updated_at: _updated,
    tokens: _tokens,
    ...given
  } = value as Record<string, unknown>;
  return { name, ...given };
}

interface Problem {
  readonly field: string;
  readonly problem: string;
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map(String);
  const at = (field: readonly string[], problem: string): Problem => ({ field: field.join('.') || 'source', problem });
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => at([...path, key], 'unknown field'));
  if (issue.code === 'invalid_union' && issue.errors.length > 0 && path.length > 0) {
    const nested = issue.errors.flatMap((errors) => errors.flatMap(problemsOf)).filter(({ field }) => field !== 'source');
    if (nested.length > 0) return nested.map(({ field, problem }) => at([...path, field], problem));
  }
  if (issue.code === 'invalid_union' && path.at(-1) === 'kind') return [at(path, 'must be kafka or http')];
  return [at(path, issue.message)];
}

function withoutSecrets(given: Given): { definition: SourceDefinition; secrets: SourceSecrets } {
  if (given.kind === 'http') return { definition: given, secrets: {} };
  const { tls: ways, sasl, ...cluster } = given.cluster;
  const { key, ...open } = ways ?? { key: undefined };
  const { password, ...login } = sasl ?? { password: undefined };
  const secrets = { ...(password !== undefined && { password }), ...(key !== undefined && { tls_key: key }) };
  const bare = { ...cluster, ...(ways && { tls: open }), ...(sasl && { sasl: login }) } as KafkaDefinition['cluster'];
  return { definition: { ...given, cluster: bare }, secrets };
}

/**
 * The secrets of a changed source: the ones in the request, else the stored ones. Throws {@link TocsinError} T7020 for a login without password, a
 * certificate without key, and for a stored password that would be sent to other brokers or with another user name than before.
 */
export function mergedSecrets(
  definition: SourceDefinition,
  given: SourceSecrets,
  stored?: { of: SourceDefinition; secrets: SourceSecrets },
): SourceSecrets {
  if (definition.kind === 'http') return {};
  const { sasl, tls: ways } = definition.cluster;
  const before = stored?.of.kind === 'kafka' ? stored.of.cluster : undefined;
  const sameTarget = before !== undefined && credentialTarget(before) === credentialTarget(definition.cluster);
  const password = given.password ?? (sameTarget ? stored?.secrets.password : undefined);
  const key = given.tls_key ?? stored?.secrets.tls_key;
  if (sasl && password === undefined)
    refuse('cluster.sasl.password', stored?.secrets.password ? 'is required again because the cluster changed' : 'is missing');
  if (ways?.cert !== undefined && key === undefined) refuse('cluster.tls.key', 'is missing');
  return { ...(sasl && { password: password! }), ...(ways?.cert !== undefined && { tls_key: key! }) };
}

function refuse(field: string, problem: string): never {
  throw new TocsinError('T7020', `${field}: ${problem}`, [{ field, problem }]);
}

/** Identity of the endpoint to which a password is sent. */
const credentialTarget = ({ brokers, tls: ways, sasl }: KafkaDefinition['cluster']): string => JSON.stringify([[...brokers].sort(), ways, sasl]);

/** The source with {@link REDACTED} in place of stored secrets. */
export function redacted<T extends SourceDefinition>(source: T): T {
  if (source.kind === 'http') return source;
  const { sasl, tls: ways, ...cluster } = source.cluster;
  const hidden = {
    ...cluster,
    ...(ways && { tls: ways.cert === undefined ? ways : { ...ways, key: REDACTED } }),
    ...(sasl && { sasl: { ...sasl, password: REDACTED } }),
  };
  return { ...source, cluster: hidden };
}

/** Name of the consumer group in the tables of cursors. */
export const cursorGroup = (name: string): string => `source.${name}`;

/** Top-level fields in which two definitions differ. */
export function differences(before: SourceDefinition, after: SourceDefinition): string[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  const text = (of: SourceDefinition, field: string) => JSON.stringify((of as Record<string, unknown>)[field]);
  return [...fields].filter((field) => text(before, field) !== text(after, field));
}

/** Whether the consumed input changed, so that `start` applies again to new partitions. */
export const changesInput = (changed: readonly string[]): boolean =>
  changed.some((field) => ['kind', 'cluster', 'topics', 'pattern', 'start'].includes(field));
