import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { COMMANDS, Database } from '../database/database.client.js';
import { EventLog, type OutgoingRecord } from '../log/event-log.js';
import { PublishError } from '../log/publish-error.js';
import { deadLetterTopic, topics } from '../topics.js';
import type { EncodedEvent } from '../access/envelope.js';
import { envelopesOf, publishEnvelopes } from '../access/envelope-publisher.service.js';

const DEAD_LETTERS = deadLetterTopic(topics.rawEvents.name);

/** Publishes what sources read: events, and records that can never work. */
@Injectable()
export class SourcePublisher {
  constructor(
    private readonly eventLog: EventLog,
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  /** Answers the events that raw_events can never take; the others are in it. */
  publish<T extends EncodedEvent>(events: readonly T[], partition: number): Promise<readonly T[]> {
    return publishEnvelopes(this.eventLog, envelopesOf(this.eventLog, events, partition, this.config.ENVELOPE_EVENTS));
  }

  /** Publishes dead letters. One that is too large even for their topic is quarantined in the outbox with its bytes: nothing waits behind it. */
  async deadLetter(records: readonly OutgoingRecord[]): Promise<void> {
    try {
      await this.eventLog.publish(DEAD_LETTERS, records);
    } catch (error) {
      if (!(error instanceof PublishError) || error.failure !== 'too large') throw error;
      await this.database.transaction(async () => {
        // One by one, because a statement must not be larger than the database takes.
        for (const index of error.records) await this.eventLog.stage([{ ...records[index]!, topic: DEAD_LETTERS }], COMMANDS);
      });
      this.eventLog.staged(COMMANDS);
    }
  }
}
