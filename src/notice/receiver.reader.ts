import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { ChannelName } from './channels/channels.js';
import type { Receiver } from './receiver.js';

@Injectable()
export class ReceiverReader {
  constructor(private readonly database: Database) {}

  /** Every receiver, in the order of their ids. */
  async all(): Promise<Receiver[]> {
    return (await this.database.query('SELECT * FROM notice_receiver ORDER BY id')).map(receiverOf);
  }

  async find(id: number): Promise<Receiver | undefined> {
    return (await this.database.query('SELECT * FROM notice_receiver WHERE id = ?', [id])).map(receiverOf)[0];
  }
}

function receiverOf(row: Record<string, unknown>): Receiver {
  return {
    id: Number(row['id']),
    name: row['name'] as string,
    channel: row['channel'] as ChannelName,
    settings: JSON.parse(row['settings'] as string) as Record<string, unknown>,
    send_resolved: Number(row['send_resolved']) === 1,
    is_default: Number(row['is_default']) === 1,
    is_enabled: Number(row['is_enabled']) === 1,
    created_at: Number(row['created_at']),
    updated_at: Number(row['updated_at']),
  };
}
