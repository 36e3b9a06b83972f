import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Config } from '../config.js';
import { bodySchema } from '../shared/parse.js';
import type { RawEvent } from '../topics.js';
import { businessName } from './business.js';
import { mapping } from './formats/mapping-format.js';
import { mappingSchema } from './formats/mapping.js';
import type { ItemError } from './ingest-result.js';
import { Skipped, Rejection } from './rejection.js';

/** A mapping, and a sample to test it with. */
export const mappingTestSchema = bodySchema(
  z.strictObject({
    mapping: mappingSchema,
    sample: z.unknown().refine((value) => value !== undefined, 'is missing'),
    business: z.union([z.string(), z.number()]).optional(),
    source: z.string().min(1).max(64).optional(),
  }),
  {
    code: 'T1017',
    example: { mapping: { event_name: '$.title', content: '$.text' }, sample: { title: 'Backup failed', text: 'disk full' }, business: '2' },
  },
);

export type MappingTest = z.output<typeof mappingTestSchema>;

/** Result of a test: the events that the mapping makes of the sample, and the errors. */
export interface MappingTestResult {
  readonly events: readonly RawEvent[];
  readonly errors: readonly ItemError[];
}

/** Tests mappings on samples instead of live data. */
@Injectable()
export class MappingService {
  constructor(private readonly config: Config) {}

  /** Throws {@link TocsinError} T1001 for a text sample that is not JSON. */
  test(body: MappingTest, now: number): MappingTestResult {
    const { sample, mapping: declared, business = this.config.DEFAULT_BUSINESS, source = 'test' } = body;
    const bytes = Buffer.from(typeof sample === 'string' ? sample : JSON.stringify(sample));
    const ids = { contentId: 'test', requestId: 'test' };
    const request = { now, business: businessName(business), ...ids, most: this.config.MAX_EVENTS, source, mapping: declared };
    const events: RawEvent[] = [];
    const errors: ItemError[] = [];
    mapping.read(bytes, request).forEach((item, index) => {
      if (item instanceof Rejection) errors.push({ index, ...item });
      else if (!(item instanceof Skipped)) events.push(item.event);
    });
    return { events, errors };
  }
}
