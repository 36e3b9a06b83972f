import { z } from 'zod';
import { memberAlert } from '../topics.js';

const severity = z.union([z.literal(1), z.literal(2), z.literal(3)]);

/** A group in API responses. */
export const groupResponse = z.object({
  converge_id: z.string(),
  group_key: z.string(),
  kind: z.enum(['group', 'storm']),
  state: z.enum(['pending', 'notified', 'ended']),
  end_reason: z.string().nullable(),
  bk_biz_id: z.string(),
  strategy_id: z.number(),
  name: z.string(),
  dimensions: z.record(z.string(), z.string()),
  receivers: z.array(z.string()).nullable(),
  sequence_no: z.number(),
  joined: z.number(),
  is_accepting: z.boolean(),
  opened_at: z.number(),
  notified_at: z.number().nullable(),
  next_flush_at: z.number().nullable(),
  ended_at: z.number().nullable(),
  severity,
  counts: z.object({ firing: z.number(), resolved: z.number(), total: z.number() }),
});

const memberResponse = z.object({
  alert_id: z.string(),
  alert_key: z.string(),
  converge_id: z.string(),
  moved_from: z.string().nullable(),
  phase: z.string(),
  severity,
  notified_severity: severity.nullable(),
  transition_no: z.number(),
  created_at: z.number(),
  ended_at: z.number().nullable(),
  notified_firing_seq: z.number().nullable(),
  notified_resolved_seq: z.number().nullable(),
  not_notified_reason: z.string().nullable(),
  alert: memberAlert,
});

export const groupsResponse = z.object({ groups: z.array(groupResponse), next_cursor: z.string().nullable() });
export const membersResponse = groupResponse.extend({ members: z.array(memberResponse), next_cursor: z.string().nullable() });
