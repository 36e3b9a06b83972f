import { parseConfig } from '../../src/config.js';
import type { Database } from '../../src/database/database.client.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import type { EventLog } from '../../src/log/event-log.js';
import { PartitionExpansionChecks } from '../../src/runtime/partition-expansion-checks.service.js';
import { PartitionExpansionService } from '../../src/ops/topics/partition-expansion.service.js';
import { TopicsService } from '../../src/ops/topics/topics.service.js';
import { AuditService } from '../../src/database/audit.service.js';

/** What grows topics on Kafka. */
export function aGrowth(database: Database, log: EventLog): PartitionExpansionService {
  const config = parseConfig({ KAFKA_BROKERS: 'x:1', DATABASE_URL: 'mysql://x/x' });
  const cursors = new CursorRepository(database, config);
  const audit = new AuditService(database);
  return new PartitionExpansionService(log, cursors, new TopicsService(log, cursors, config, audit), new PartitionExpansionChecks(), config, audit);
}
