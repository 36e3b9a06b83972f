import { z } from 'zod';
import { mappingSchema } from '../access/formats/mapping.js';
import { sourceSchema } from '../access/registry/source.js';

/** The body of a source, with an example for the API documentation. */
export const sourceBody = sourceSchema.meta({
  example: { name: 'orders', kind: 'kafka', cluster: { brokers: ['kafka-1:9092'] }, topics: ['orders'], format: 'tocsin' },
});
export const sourcesFileBody = z.object({ sources: z.array(sourceSchema) }).meta({ example: { sources: [{ name: 'shop', kind: 'http' }] } });

const statuses = ['disabled', 'ready', 'connecting', 'running', 'degraded'] as const;

const cluster = z.object({
  brokers: z.array(z.string()),
  tls: z
    .object({ ca: z.string().optional(), cert: z.string().optional(), key: z.string().optional(), server_name: z.string().optional() })
    .optional(),
  sasl: z.object({ mechanism: z.string(), username: z.string(), password: z.string().optional() }).optional(),
});

/** A source in API responses; stored secrets are replaced by ********. */
export const sourceResponse = z.object({
  id: z.number(),
  version: z.number().describe('Grows with every change of any source'),
  name: z.string(),
  kind: z.enum(['kafka', 'http']),
  description: z.string(),
  is_enabled: z.boolean(),
  business: z.string().optional(),
  format: z.string(),
  mapping: mappingSchema.optional(),
  rate: z.object({ events_per_second: z.number(), burst: z.number().optional() }).optional(),
  cluster: cluster.optional().describe('kafka only'),
  topics: z.array(z.string()).optional(),
  pattern: z.string().optional(),
  mode: z.enum(['subscribe', 'assign']).optional(),
  partitions: z.array(z.number()).optional(),
  group_id: z.string().optional(),
  start: z.union([z.enum(['latest', 'earliest']), z.object({ timestamp: z.number() })]).optional(),
  max_in_flight: z.number().optional(),
  data_id: z.number().optional(),
  tokens: z.array(z.object({ id: z.number(), created_at: z.number() })).optional(),
  declared_at: z.number(),
  created_at: z.number(),
  updated_at: z.number(),
});

const state = z.object({ status: z.enum(statuses), problems: z.array(z.string()), lag: z.number(), partitions: z.number() });
const change = z.object({
  name: z.string(),
  outcome: z.enum(['created', 'updated', 'unchanged']),
  changed: z.array(z.string()),
  token: z.string().optional(),
});
const partition = z.object({
  topic: z.string(),
  partition: z.number(),
  position: z.number(),
  end: z.number(),
  lag: z.number(),
  in_flight: z.number(),
  problem: z.string().optional(),
});
const replica = z.object({
  instance: z.string(),
  name: z.string(),
  status: z.string(),
  partitions: z.array(partition),
  problem: z.string().optional(),
});
const resumed = z.object({ topic: z.string(), partition: z.number(), from: z.number(), to: z.number(), why: z.string() });

export const createdSourceResponse = sourceResponse.extend({ token: z.string().optional().describe('Shown this once') });
export const sourcesResponse = z.object({ sources: z.array(sourceResponse.extend({ state })) });
export const sourceChangesResponse = z.object({ sources: z.array(change) });
export const sourceStateResponse = state.extend({ name: z.string(), kind: z.enum(['kafka', 'http']), replicas: z.array(replica) });
export const resumedResponse = z.object({ partitions: z.array(resumed) });
