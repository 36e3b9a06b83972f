import { z } from 'zod';
import { convergedAlert } from '../topics.js';
import { noticeStates } from './notice.js';

/** A notice in API responses. Times are epoch ms. */
const notice = z.object({
  id: z.number(),
  receiver: z.string(),
  converge_id: z.string(),
  sequence: z.number(),
  idempotency_key: z.string(),
  status: convergedAlert.shape.status,
  state: z.enum(noticeStates),
  reason: z.string().nullable(),
  attempts: z.number(),
  next_attempt_at: z.number(),
  created_at: z.number(),
  first_attempt_at: z.number().nullable(),
  finished_at: z.number().nullable(),
  last_code: z.number().nullable(),
  last_error: z.string().nullable(),
});

export const noticesResponse = z.object({ notices: z.array(notice), next_cursor: z.string().nullable() });
export const noticeResponse = notice.extend({ group: convergedAlert.nullable() });
