import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Endpoint } from '../../http/endpoint.decorator.js';
import { type TailQuery, tailQuery } from './tail-query.js';
import { type Tail, TailService } from './tail.service.js';

const record = z.object({
  partition: z.number(),
  offset: z.number(),
  timestamp: z.number(),
  key: z.string().nullable(),
  headers: z.record(z.string(), z.string()).optional(),
  bytes: z.number(),
  index: z.number().optional(),
  message: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  text: z.string().optional(),
  hex: z.string().optional(),
  cut: z.literal(true).optional(),
});
const tailResponse = z.object({
  topic: z.string(),
  records: z.array(record),
  next: z.string(),
  scanned: z.number(),
  complete: z.boolean(),
  errors: z.array(z.object({ partition: z.number(), message: z.string() })),
});

@ApiTags('operations')
@Controller('api/v1/topics')
export class TailController {
  constructor(private readonly records: TailService) {}

  @Get(':topic/records')
  @Endpoint({
    summary: 'Get the newest records of a topic over all partitions, decoded where possible, without a consumer group',
    permission: 'topic:read',
    response: tailResponse,
  })
  tail(@Param('topic') topic: string, @Query({ schema: tailQuery }) query: TailQuery): Promise<Tail> {
    return this.records.tail(topic, query);
  }
}
