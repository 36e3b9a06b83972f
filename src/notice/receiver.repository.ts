import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { TocsinError } from '../shared/errors.js';
import type { ReceiverBody } from './receiver.js';

/** Writes receivers, as part of the transaction that is open. Throws T4007 when the database has an equal name. */
@Injectable()
export class ReceiverRepository {
  constructor(private readonly database: Database) {}

  async create(receiver: ReceiverBody, now: number): Promise<void> {
    await unique(receiver.name, () =>
      this.database.insert(
        'notice_receiver',
        ['name', 'channel', 'settings', 'send_resolved', 'is_default', 'is_enabled', 'created_at', 'updated_at'],
        [[...valuesOf(receiver), now, now]],
      ),
    );
  }

  /** False when there is no such receiver. */
  async replace(id: number, receiver: ReceiverBody, now: number): Promise<boolean> {
    const changed = await unique(receiver.name, () =>
      this.database.execute(
        'UPDATE notice_receiver SET name = ?, channel = ?, settings = ?, send_resolved = ?, is_default = ?, is_enabled = ?, updated_at = ? WHERE id = ?',
        [...valuesOf(receiver), now, id],
      ),
    );
    return changed > 0;
  }

  /** False when there is no such receiver. */
  async remove(id: number): Promise<boolean> {
    return (await this.database.execute('DELETE FROM notice_receiver WHERE id = ?', [id])) > 0;
  }
}

function valuesOf({ name, channel, settings, send_resolved, is_default, is_enabled }: ReceiverBody): unknown[] {
  return [name, channel, JSON.stringify(settings), Number(send_resolved), Number(is_default), Number(is_enabled)];
}

async function unique<T>(name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ER_DUP_ENTRY' || code === 'SQLITE_CONSTRAINT_UNIQUE') throw new TocsinError('T4007', name);
    throw error;
  }
}
