import { z } from 'zod';
import { parsePath } from './path.js';

const pathText = (options: { readonly all?: boolean } = {}) =>
  z.string().superRefine((text, context) => {
    const path = parsePath(text, options);
    if (typeof path === 'string') context.addIssue({ code: 'custom', message: path });
  });

const constant = z.union([z.string().max(1024), z.number(), z.boolean()]);
/** Where a value comes from: a path, a path with what stands for nothing, or always the same. */
const valueSource = z.union([pathText(), z.strictObject({ path: pathText(), default: constant.optional() }), z.strictObject({ constant })], {
  error: (issue) => (typeof issue.input === 'string' ? pathProblem(issue.input) : 'must be a path, {path, default} or {constant}'),
});
const name = z.string().min(1).max(128);

function pathProblem(text: string): string {
  const path = parsePath(text);
  return typeof path === 'string' ? path : 'must be a path';
}

/** How the JSON of a sender becomes events. docs/ingest.md explains it. */
export const mappingSchema = z
  .strictObject({
    /** Where the items stand in the document; without it the document, or each element of it when it is an array. */
    items: pathText({ all: true }).optional(),
    event_type: valueSource.optional(),
    event_id: valueSource.optional(),
    event_source: valueSource.optional(),
    bk_biz_id: valueSource.optional(),
    priority: valueSource.optional(),
    timestamp: valueSource.optional(),
    /** Unit of a number in `timestamp`; auto tells them apart by their size. */
    timestamp_unit: z.enum(['auto', 's', 'ms', 'us', 'ns']).optional(),
    metric: valueSource.optional(),
    value: valueSource.optional(),
    event_name: valueSource.optional(),
    content: valueSource.optional(),
    level: valueSource.optional(),
    dimensions: z
      .strictObject({
        /** All plain values of the object at this path are dimensions … */
        all: pathText().optional(),
        /** … but these. */
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
