import { Injectable, type OnModuleInit } from '@nestjs/common';
import { COMMANDS } from '../database/database.client.js';
import { EventLog } from '../log/event-log.js';
import { Duties } from './duties.js';

/** One replica publishes what commands and timers of all replicas have staged, so that it leaves in order. */
@Injectable()
export class RelayDuty implements OnModuleInit {
  constructor(
    private readonly duties: Duties,
    private readonly eventLog: EventLog,
  ) {}

  onModuleInit(): void {
    this.duties.register(
      'relay',
      () => {
        this.eventLog.acquireOrderingKey(COMMANDS);
        return Promise.resolve(60_000);
      },
      () => this.eventLog.releaseOrderingKey(COMMANDS),
    );
  }
}
