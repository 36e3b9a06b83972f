import type { Config } from '../config.js';
import type { AuditService } from '../database/audit.service.js';
import type { Database } from '../database/database.client.js';
import type { CursorRepository } from '../log/cursor.repository.js';
import type { PartitionPauseRepository } from '../log/consuming/partition-pause.repository.js';
import type { EventLog } from '../log/event-log.js';
import type { DegradeService } from '../access/degrade/degrade.service.js';
import type { PublicationService } from '../access/publication.service.js';
import type { SourceRepository } from '../access/registry/source.repository.js';

/** What the pumps of all sources share. */
export interface PumpPlant {
  readonly config: Config;
  readonly database: Database;
  readonly eventLog: EventLog;
  readonly cursors: CursorRepository;
  readonly audit: AuditService;
  readonly holds: PartitionPauseRepository;
  readonly sources: Pick<SourceRepository, 'lock'>;
  readonly publication: Pick<PublicationService, 'counts'>;
  readonly degrade: Pick<DegradeService, 'check'>;
}

/** What a pump has done, for the metrics. */
export interface SourceCounts {
  records: number;
  events: number;
  readonly poison: Record<string, number>;
  failures: number;
}
