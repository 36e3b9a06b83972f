import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { COMMANDS, Database } from '../database/database.client.js';
import { EventLog, type OutgoingRecord } from '../log/event-log.js';
import { PublishError } from '../log/publish-error.js';
import { deadLetterTopic, topics } from '../topics.js';
import type { EncodedEvent } from '../access/envelope.js';
import { envelopesOf, publishEnvelopes } from '../access/envelope-publisher.service.js';

const DEAD_LETTERS = deadLetterTopic(topics.rawEvents.name);

/** Publishes the output of sources: events and dead letters. */
@Injectable()
export class SourcePublisher {
  constructor(
    private readonly eventLog: EventLog,
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  /** Resolves to the events that exceed the limit of raw_events; the others are published. */
  publish<T extends EncodedEvent>(events: readonly T[], partition: number): Promise<readonly T[]> {
    return publishEnvelopes(this.eventLog, envelopesOf(this.eventLog, events, partition, this.config.ENVELOPE_EVENTS));
  }

  /** Publishes dead letters. One that exceeds even the limit of their topic is quarantined in the outbox with its bytes; nothing waits behind it. */
  async deadLetter(records: readonly OutgoingRecord[]): Promise<void> {
    try {
      await this.eventLog.publish(DEAD_LETTERS, records);
    } catch (error) {
      if (!(error instanceof PublishError) || error.failure !== 'too large') throw error;
      await this.database.transaction(async () => {
        // One record per statement, because a statement must stay below the packet limit of the database.
        for (const index of error.records) await this.eventLog.stage([{ ...records[index]!, topic: DEAD_LETTERS }], COMMANDS);
      });
      this.eventLog.staged(COMMANDS);
    }
  }
}
