import type { Command } from 'commander';
import type { PartitionExpansionPlan } from '../ops/topics/partition-expansion.js';
import type { TopicDetail, TopicSummary } from '../ops/topics/topic-overview.js';
import type { CreatedTopics } from '../ops/topics/topics.service.js';
import type { ShapeReview, TopicShape } from '../ops/topics/topic-shape.js';
import { type ApiOptions, withApiOptions, printAnswer } from './options.js';
import { parseBytes, parseHours, parseWhole, sizeText, spanText } from './sizes.js';
import { formatTable } from './table.js';

interface ShapeOptions extends ApiOptions {
  readonly partitions?: string;
  readonly replication?: string;
  readonly retention?: string;
  readonly retentionBytes?: string;
  readonly minInsync?: string;
  readonly maxMessage?: string;
}

interface GrowOptions extends ApiOptions {
  readonly partitions: string;
  readonly dryRun?: boolean;
  readonly acceptDisorder?: boolean;
}

const path = (topic: string): string => `/api/v1/topics/${encodeURIComponent(topic)}`;

/** `tocsin topics`: lists, creates, expands and configures topics. */
export function topicsCommand(program: Command): void {
  const topics = program.command('topics').description('list, create, expand and configure topics');
  withApiOptions(
    topics
      .command('list', { isDefault: true })
      .argument('[topic]')
      .description('list the topics of the stages, or describe one with its partitions and consumer groups'),
  )
    .option('--all', 'all topics of the clusters with TOPIC_PREFIX')
    .action((topic: string | undefined, options: ApiOptions & { all?: boolean }) => show(topic, options));
  shapeOptions(withApiOptions(topics.command('create <topic>').description('create a topic; a topic of a stage also gets its dead-letter topic')))
    .option('--partitions <n>', 'number of partitions (TOPIC_PARTITIONS)')
    .option('--replication <n>', 'replication factor (TOPIC_REPLICATION)')
    .action((topic: string, options: ShapeOptions) =>
      printAnswer(
        options,
        (api) => api.call<CreatedTopics>('POST', '/api/v1/topics', { name: topic, ...shapeOf(options) }),
        ({ topics: made, warnings }) => [`created ${made.join(', ')}`, ...warnings.map((each) => `warning: ${each}`), ''].join('\n'),
      ),
    );
  withApiOptions(topics.command('grow <topic>').description('add partitions; refused while that would break record order'))
    .requiredOption('--partitions <n>', 'new number of partitions')
    .option('--dry-run', 'only show the consequences')
    .option(
      '--accept-disorder',
      'add partitions anyway: records of keys that move to another partition may be processed out of order and without the state of the old partition',
    )
    .action(grow);
  shapeOptions(
    withApiOptions(topics.command('set <topic>').description('change retention, min.insync.replicas or max.message.bytes of a topic')),
  ).action((topic: string, options: ShapeOptions) =>
    printAnswer(
      options,
      (api) => api.call<ShapeReview & { config: Record<string, string> }>('PATCH', path(topic), shapeOf(options)),
      ({ config, warnings }) =>
        [...Object.entries(config).map(([name, value]) => `${name}=${value}`), ...warnings.map((each) => `warning: ${each}`), ''].join('\n'),
    ),
  );
}

function shapeOptions(command: Command): Command {
  return command
    .option('--retention <time>', 'retention.ms: 72h, 7d, -1 (unlimited)')
    .option('--retention-bytes <size>', 'retention.bytes per partition: 10GiB, -1 (unlimited)')
    .option('--min-insync <n>', 'min.insync.replicas')
    .option('--max-message <size>', 'max.message.bytes: 1MiB');
}

function shapeOf({ partitions, replication, retention, retentionBytes, minInsync, maxMessage }: ShapeOptions): TopicShape {
  return {
    ...(partitions !== undefined && { partitions: parseWhole('--partitions', partitions) }),
    ...(replication !== undefined && { replication: parseWhole('--replication', replication) }),
    ...(retention !== undefined && { retention_hours: parseHours('--retention', retention) }),
    ...(retentionBytes !== undefined && { retention_bytes: parseBytes('--retention-bytes', retentionBytes) }),
    ...(minInsync !== undefined && { min_insync_replicas: parseWhole('--min-insync', minInsync) }),
    ...(maxMessage !== undefined && { max_message_bytes: parseBytes('--max-message', maxMessage) }),
  };
}

function grow(topic: string, options: GrowOptions): Promise<void> {
  const body = {
    partitions: parseWhole('--partitions', options.partitions),
    dry_run: options.dryRun ?? false,
    accept_disorder: options.acceptDisorder ?? false,
  };
  return printAnswer(options, (api) => api.call<PartitionExpansionPlan & { done: boolean }>('POST', `${path(topic)}/partitions`, body), formatGrowth);
}

function formatGrowth({ topic, from, to, done, refusals, warnings }: PartitionExpansionPlan & { done: boolean }): string {
  const lines = [
    done
      ? `${topic} now has ${to} partitions (before: ${from}); running replicas detect them within a minute`
      : `${topic}: ${from} to ${to} partitions, not applied`,
    ...refusals.map((each) => `${done ? 'accepted' : 'refused'}: ${each}`),
    ...warnings.map((each) => `warning: ${each}`),
  ];
  return `${lines.join('\n')}\n`;
}

function show(topic: string | undefined, options: ApiOptions & { all?: boolean }): Promise<void> {
  if (topic !== undefined) return printAnswer(options, (api) => api.call<TopicDetail>('GET', path(topic)), formatTopic);
  return printAnswer(options, (api) => api.call<{ topics: TopicSummary[] }>('GET', `/api/v1/topics${options.all ? '?all=true' : ''}`), formatList);
}

function formatList({ topics }: { topics: readonly TopicSummary[] }): string {
  const rows = topics.map((each) => [
    each.name,
    each.cluster,
    each.partitions,
    each.replication,
    each.min_insync_replicas,
    each.records,
    each.retention_ms === null ? null : spanText(each.retention_ms),
    each.retention_bytes === null ? null : sizeText(each.retention_bytes),
    each.leaderless > 0 ? `${each.leaderless} without leader` : each.under_replicated > 0 ? `${each.under_replicated} under-replicated` : 'ok',
    each.groups.join(',') || null,
  ]);
  return formatTable(['TOPIC', 'CLUSTER', 'PARTITIONS', 'REPLICATION', 'MIN-ISR', 'RECORDS', 'RETENTION', 'MAX-SIZE', 'STATE', 'GROUPS'], rows);
}

function formatTopic({ name, cluster, partitions, config, records, groups }: TopicDetail): string {
  const settings = Object.entries(config).map(([key, value]) => `${key}=${value}`);
  const table = formatTable(
    ['PARTITION', 'LEADER', 'REPLICAS', 'ISR', 'LOG-START-OFFSET', 'LOG-END-OFFSET'],
    partitions.map((each) => [each.partition, each.leader, each.replicas.join(','), each.inSync.join(','), each.low, each.high]),
  );
  const readers = groups.map(({ group, state, protocol, members, partitions: positions }) => {
    const owner = (partition: number) => members.find((member) => member.partitions.includes(partition));
    const rows = positions.map(({ partition, committed, cursor, lag }) => {
      const member = owner(partition);
      return [partition, committed, cursor, lag, member?.client ?? null, member?.host ?? null];
    });
    const head = `\ngroup ${group}: ${state}${protocol ? `, ${protocol}` : ''}, ${members.length} members\n`;
    return head + formatTable(['PARTITION', 'COMMITTED', 'CURSOR', 'LAG', 'CLIENT-ID', 'HOST'], rows);
  });
  return `${name} on ${cluster}: ${records} records; ${settings.join(' ')}\n\n${table}${readers.join('')}`;
}
