import { z } from 'zod';
import { alertStatus } from '../topics.js';

const text = z.record(z.string(), z.string());

/** An alert in API responses. Times are epoch ms. */
export const alertResponse = z.object({
  alert_id: z.string(),
  alert_key: z.string(),
  bk_biz_id: z.string(),
  strategy_id: z.number().describe('0 for alerts of external senders'),
  strategy_version: z.number(),
  strategy_name: z.string(),
  alert_name: z.string(),
  status: alertStatus,
  severity: z.union([z.literal(1), z.literal(2), z.literal(3)]).describe('1 fatal, 2 warning, 3 remind'),
  target_type: z.string(),
  target: z.string(),
  dimensions: text,
  labels: text,
  annotations: text,
  metric: z.string(),
  value: z.number().nullable(),
  description: z.string(),
  begin_time: z.number(),
  latest_time: z.number(),
  end_time: z.number().nullable(),
  end_reason: z.string().nullable(),
  transition_no: z.number(),
  is_acknowledged: z.boolean(),
  acknowledged_by: z.string().nullable(),
  acknowledged_at: z.number().nullable(),
  is_shielded: z.boolean(),
  is_recovering: z.boolean(),
  is_blocked: z.boolean(),
  is_flapping: z.boolean(),
  generator_url: z.string().nullable(),
  created_at: z.number(),
  updated_at: z.number(),
});

const timeline = z.array(
  z.object({
    id: z.number(),
    alert_id: z.string(),
    at: z.number(),
    recorded_at: z.number(),
    what: z.string(),
    actor: z.string(),
    why: z.string(),
    detail: z.record(z.string(), z.unknown()).nullable(),
    transition_no: z.number().nullable(),
  }),
);

export const alertsResponse = z.object({ alerts: z.array(alertResponse), next_cursor: z.string().nullable() });
export const alertWithTimelineResponse = alertResponse.extend({ timeline });
export const timelineResponse = z.object({ timeline, next_cursor: z.string().nullable() });
