import { z } from 'zod';

const texts = z.array(z.string());

const line = z.object({
  name: z.string(),
  cluster: z.string(),
  partitions: z.number(),
  replication: z.number(),
  records: z.number(),
  leaderless: z.number(),
  under_replicated: z.number(),
  retention_ms: z.number().nullable(),
  retention_bytes: z.number().nullable(),
  min_insync_replicas: z.number().nullable(),
  groups: texts,
});
const partition = z.object({
  partition: z.number(),
  leader: z.string().nullable(),
  replicas: z.array(z.number()),
  inSync: z.array(z.number()),
  low: z.number().nullable(),
  high: z.number().nullable(),
});
const group = z.object({
  group: z.string(),
  stage: z.string().nullable(),
  state: z.string(),
  protocol: z.string(),
  members: z.array(z.object({ id: z.string(), client: z.string(), host: z.string(), partitions: z.array(z.number()) })),
  partitions: z.array(
    z.object({ partition: z.number(), committed: z.number().nullable(), cursor: z.number().nullable(), lag: z.number().nullable() }),
  ),
});
const judgement = z.object({ refusals: texts, warnings: texts });

export const topicsResponse = z.object({ topics: z.array(line) });
export const topicResponse = z.object({
  name: z.string(),
  cluster: z.string(),
  partitions: z.array(partition),
  config: z.record(z.string(), z.string()),
  records: z.number(),
  groups: z.array(group),
});
export const createdTopicResponse = judgement.extend({ topics: texts });
export const configuredTopicResponse = judgement.extend({ config: z.record(z.string(), z.string()) });
export const expansionResponse = judgement.extend({
  topic: z.string(),
  from: z.number(),
  to: z.number(),
  keys: z.object({ seen: z.number(), moving: z.number() }),
  done: z.boolean(),
});
