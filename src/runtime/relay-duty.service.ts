import { Injectable } from '@nestjs/common';
import { COMMANDS } from '../database/database.client.js';
import { EventLog } from '../log/event-log.js';
import { LeadershipLost, LeaderTask } from './leader-task.decorator.js';

/** One replica publishes the records that commands and timers of all replicas have staged, so that their order is kept. */
@Injectable()
export class RelayDuty {
  constructor(private readonly eventLog: EventLog) {}

  @LeaderTask('relay')
  lead(): Promise<number> {
    this.eventLog.acquireOrderingKey(COMMANDS);
    return Promise.resolve(60_000);
  }

  @LeadershipLost('relay')
  stepDown(): void {
    this.eventLog.releaseOrderingKey(COMMANDS);
  }
}
