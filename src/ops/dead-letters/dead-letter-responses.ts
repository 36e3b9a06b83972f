import { z } from 'zod';
import { redriveOutcomes } from './dead-letter.js';

const letter = z.object({
  id: z.string().describe('<topic>/<partition>/<offset> in the dead letters of the topic'),
  topic: z.string(),
  partition: z.number(),
  offset: z.number(),
  time: z.number(),
  origin: z.object({ partition: z.number(), offset: z.number() }).nullable(),
  stage: z.string().nullable(),
  code: z.string().nullable(),
  error: z.string().nullable(),
  attempts: z.number(),
  bytes: z.number().nullable(),
});
const shown = z.object({ encoding: z.enum(['utf8', 'base64']), content: z.string() }).nullable();

export const deadLettersResponse = z.object({ letters: z.array(letter), complete: z.boolean() });
export const deadLetterResponse = letter.extend({ headers: z.record(z.string(), z.string()), key: shown, value: shown });
export const redriveResponse = z.object({
  dry_run: z.boolean(),
  letters: z.array(z.object({ id: z.string(), outcome: z.enum(redriveOutcomes) })),
  more: z.boolean(),
  waiting: z.boolean(),
});
