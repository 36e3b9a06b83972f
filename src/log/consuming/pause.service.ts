import { Injectable, type Logger } from '@nestjs/common';
import { Config } from '../../config.js';
import { AuditService } from '../../database/audit.service.js';
import { system } from '../../shared/actor.js';
import { partitionName, type TopicPartition } from '../topic-partition.js';
import type { PartitionPause } from './partition-pause.js';
import { PartitionPauseRepository } from './partition-pause.repository.js';
import { PartitionPauses } from './partition-pauses.service.js';
import type { PartitionFault } from './position-fault.js';

/** A consumer group whose partitions may be halted. */
export interface HaltedGroup {
  readonly name: string;
  readonly logger: Logger;
  /** Instruction how to resume, appended to the log line of a halt. */
  readonly remedy: string;
}

/** Halts partitions until an operator decides. Every halt has a row, a log line and an audit entry, and fails the readiness check. */
@Injectable()
export class PauseService {
  constructor(
    private readonly rows: PartitionPauseRepository,
    private readonly audit: AuditService,
    private readonly config: Config,
  ) {}

  /** Every pause and halt that has not expired. */
  all(now: number): Promise<PartitionPause[]> {
    return this.rows.all(now);
  }

  /** Pauses and halts of a group on this replica. */
  of(group: HaltedGroup): PartitionPauses {
    return new PartitionPauses(group.name, {
      rows: this.rows,
      instance: this.config.INSTANCE_ID,
      halted: (at, fault, now) => this.#report(group, at, fault, now),
    });
  }

  async #report({ name, logger, remedy }: HaltedGroup, at: TopicPartition, { code, why }: PartitionFault, now: number): Promise<void> {
    logger.error(`${partitionName(at)} halted: ${code} ${why}${remedy}`);
    const object = { kind: 'partition', id: `${name} ${partitionName(at)}` };
    await this.audit.record({ actor: system(this.config.INSTANCE_ID), action: 'partition.halted', object, why: `${code} ${why}` }, now);
  }
}
