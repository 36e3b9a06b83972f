import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Config } from '../../config.js';
import { LeasedDuties } from '../../runtime/leased-duties.service.js';
import { By } from '../../http/by.decorator.js';
import type { Actor } from '../../shared/actor.js';
import { byWhom, parseRequest, wholeNumber } from '../../http/request.js';
import { DeadLetters, type DeadLetterPage, type Redriven } from './dead-letters.service.js';
import { type DeadLetter, type EncodedBytes, encodedBytes } from './dead-letter.js';

const filter = {
  topic: z.string().max(128).optional(),
  code: z.string().max(8).optional(),
  stage: z.string().max(64).optional(),
  since: wholeNumber.optional(),
};
const listQuery = z.strictObject({ ...filter, limit: wholeNumber.pipe(z.number().min(1).max(1000)).default(50) });
const redriveBody = z
  .strictObject({
    ...filter,
    ...byWhom,
    letters: z.array(z.string().max(200)).min(1).max(1000).optional(),
    all: z.boolean().default(false),
    until: z.number().int().positive().optional(),
    limit: z.number().int().min(1).max(10_000).default(1000),
    dry_run: z.boolean().default(false),
  })
  .refine(
    ({ letters, all, topic, code, stage, since }) => letters !== undefined || all || [topic, code, stage, since].some((each) => each !== undefined),
    '`letters`, a filter (`topic`, `code`, `stage`, `since`) or `all` is required',
  );

/** A dead letter with all that it holds. */
export interface DeadLetterDetail extends DeadLetter {
  readonly headers: Readonly<Record<string, string>>;
  readonly key: EncodedBytes | null;
  readonly value: EncodedBytes | null;
}

interface Reply {
  header(name: string, value: string): Reply;
  send(body: Buffer): unknown;
}

@ApiTags('operations')
@Controller('api/v1/dead-letters')
export class DeadLettersController {
  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly config: Config,
    private readonly duties: LeasedDuties,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List dead letter records, newest first' })
  @ApiQuery({ name: 'topic', required: false, description: 'Original topic' })
  @ApiQuery({ name: 'code', required: false, description: 'Error code, such as T6003' })
  @ApiQuery({ name: 'stage', required: false, description: 'Consumer group that rejected the record' })
  @ApiQuery({ name: 'since', required: false, description: 'Epoch ms' })
  @ApiQuery({ name: 'limit', required: false, description: '1 to 1000, default 50' })
  list(@Query() query: unknown): Promise<DeadLetterPage> {
    return this.deadLetters.list(parseRequest(listQuery, query));
  }

  @Get(':topic/:partition/:offset')
  @ApiOperation({ summary: 'Get a dead letter record with headers, key and value' })
  async show(@Param() { topic, partition, offset }: Record<string, string>): Promise<DeadLetterDetail> {
    const [letter, { headers, key, value }] = await this.deadLetters.find(`${topic}/${partition}/${offset}`);
    return { ...letter, headers, key: encodedBytes(key), value: encodedBytes(value) };
  }

  @Get(':topic/:partition/:offset/value')
  @ApiOperation({ summary: 'Get the original bytes of a dead letter record' })
  async value(@Param() { topic, partition, offset }: Record<string, string>, @Res() reply: Reply): Promise<void> {
    const [, { value }] = await this.deadLetters.find(`${topic}/${partition}/${offset}`);
    reply
      .header('content-type', 'application/octet-stream')
      .header('x-content-type-options', 'nosniff')
      .send(value ?? Buffer.alloc(0));
  }

  @Post('redrive')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Redrive dead letter records to their original topics',
    description:
      'Publishes the same bytes, key and headers to the same partition, oldest first, each record once. ' +
      '`more` in the response: the limit was reached. `waiting`: the records are published when a server runs.',
  })
  async redrive(@Body({ schema: redriveBody }) body: unknown, @By() actor: Actor): Promise<Redriven & { dry_run: boolean; waiting: boolean }> {
    const { dry_run, until, ...order } = parseRequest(redriveBody, body);
    const now = Date.now();
    const done = await this.deadLetters.redrive({ ...order, actor, until: until ?? now }, dry_run, now);
    return { dry_run, ...done, waiting: !dry_run && !this.duties.isStarted && this.config.mode === 'distributed' };
  }
}
