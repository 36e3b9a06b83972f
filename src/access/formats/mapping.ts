import { z } from 'zod';
import { parsePath } from './path.js';

const pathText = (options: { readonly all?: boolean } = {}) =>
  z.string().superRefine((text, context) => {
    const path = parsePath(text, options);
    if (typeof path === 'string') context.addIssue({ code: 'custom', message: path });
  });

const constant = z.union([z.string().max(1024), z.number(), z.boolean()]);
/** Origin of a value: a path, a path with a default, or a constant. */
const valueSource = z.union([pathText(), z.strictObject({ path: pathText(), default: constant.optional() }), z.strictObject({ constant })], {
  error: (issue) => (typeof issue.input === 'string' ? pathProblem(issue.input) : 'must be a path, {path, default} or {constant}'),
});
const name = z.string().min(1).max(128);

function pathProblem(text: string): string {
  const path = parsePath(text);
  return typeof path === 'string' ? path : 'must be a path';
}

/** Maps a sender's JSON to events; see docs/ingest.md. */
export const mappingSchema = z
  .strictObject({
    /** Path of the items in the document; by default the document itself, or each element when it is an array. */
    items: pathText({ all: true }).optional(),
    event_type: valueSource.optional(),
    event_id: valueSource.optional(),
    event_source: valueSource.optional(),
    bk_biz_id: valueSource.optional(),
    priority: valueSource.optional(),
    timestamp: valueSource.optional(),
    /** Unit of a numeric `timestamp`; auto detects it by the size of the number. */
    timestamp_unit: z.enum(['auto', 's', 'ms', 'us', 'ns']).optional(),
    metric: valueSource.optional(),
    value: valueSource.optional(),
    event_name: valueSource.optional(),
    content: valueSource.optional(),
    level: valueSource.optional(),
    dimensions: z
      .strictObject({
        /** All scalar values of the object at this path become dimensions … */
        all: pathText().optional(),
        /** … except these. */
        but: z.array(name).max(64).optional(),
        pick: z.record(name, valueSource).optional(),
        fixed: z.record(name, constant).optional(),
      })
      .optional(),
  })
  .superRefine((mapping, context) => {
    if (!mapping.metric && !mapping.event_name && !mapping.content) {
      context.addIssue({ code: 'custom', path: ['metric'], message: 'metric and value, or event_name, or content are required' });
    }
    if (mapping.metric && !mapping.value) context.addIssue({ code: 'custom', path: ['value'], message: 'is required with metric' });
    if (mapping.dimensions?.but && !mapping.dimensions.all)
      context.addIssue({ code: 'custom', path: ['dimensions', 'but'], message: 'requires all' });
  });

export type Mapping = z.infer<typeof mappingSchema>;
export type ValueSource = z.infer<typeof valueSource>;
