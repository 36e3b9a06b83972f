import type { Command } from 'commander';
import type { PartitionLag } from '../log/consumers.js';
import { type ApiOptions, askingServer, tell } from './options.js';
import { formatTable } from './table.js';

/** `tocsin lag`: how far every group is behind the end of the log. */
export function lagCommand(program: Command): void {
  askingServer(program.command('lag').description('how far every consumer group is behind the end of the log')).action((options: ApiOptions) =>
    tell(options, (api) => api.call<{ partitions: PartitionLag[] }>('GET', '/api/v1/lag'), format),
  );
}

function format({ partitions }: { partitions: PartitionLag[] }): string {
  const rows = partitions.map(({ group, topic, partition, current, end, lag, owner }) => [group, topic, partition, current, end, lag, owner || null]);
  return formatTable(['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'CONSUMER-ID'], rows);
}
