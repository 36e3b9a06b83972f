import { Body, Controller, Delete, Get, Headers, Param, Post, Put, Query } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../http/by.decorator.js';
import { Endpoint } from '../http/endpoint.decorator.js';
import { ifMatchHeader, versionIn } from '../http/if-match.js';
import type { Actor } from '../shared/actor.js';
import { cursorText, idCursor, limit } from '../shared/page.js';
import { numericId, one, querySchema } from '../shared/parse.js';
import { parseRulesFile } from './rules-file.js';
import {
  parseStrategy,
  type Strategy,
  type StrategyBody,
  strategyResponse,
  strategySchema,
  type StrategyVersion,
  strategyVersionsResponse,
} from './strategy.js';
import { type AppliedStrategy, StrategyService } from './strategy.service.js';

const strategyQuery = querySchema(z.strictObject({ bk_biz_id: one.optional(), limit, cursor: idCursor }), 'T2001');
const strategyId = numericId('T9002', 9);
const rulesFile = z.object({ strategies: z.array(strategySchema) }).meta({
  example: { strategies: [z.globalRegistry.get(strategySchema)?.['example']] },
});
const applied = z.array(z.object({ name: z.string(), outcome: z.enum(['created', 'updated', 'unchanged']), id: z.number() }));

@ApiTags('strategies')
@Controller('api/v1/strategies')
export class StrategyController {
  constructor(private readonly strategies: StrategyService) {}

  @Post()
  @Endpoint({
    summary: 'Create a strategy; answers when every event sent from now on is judged by it',
    permission: 'strategy:write',
    status: 201,
    response: strategyResponse,
  })
  create(@Body({ schema: strategySchema }) body: StrategyBody, @By() actor: Actor): Promise<Strategy> {
    return this.strategies.create(body, actor, Date.now());
  }

  @Get()
  @Endpoint({
    summary: 'List strategies in order of their ids',
    permission: 'strategy:read',
    response: z.object({ strategies: z.array(strategyResponse), next_cursor: z.string().nullable() }),
  })
  async list(
    @Query({ schema: strategyQuery }) { bk_biz_id, limit, cursor }: z.output<typeof strategyQuery>,
  ): Promise<{ strategies: Strategy[]; next_cursor: string | null }> {
    const strategies = await this.strategies.list({ ...(bk_biz_id !== undefined && { bk_biz_id }), after: cursor?.[0] ?? 0, limit });
    return { strategies, next_cursor: strategies.length === limit ? cursorText([strategies.at(-1)!.id]) : null };
  }

  @Get(':id')
  @Endpoint({ summary: 'Get a strategy', permission: 'strategy:read', response: strategyResponse })
  get(@Param('id', { schema: strategyId }) id: number): Promise<Strategy> {
    return this.strategies.get(id);
  }

  @Get(':id/versions')
  @Endpoint({
    summary: 'List every version that the strategy ever had, and who changed it',
    permission: 'strategy:read',
    response: strategyVersionsResponse,
  })
  async versions(@Param('id', { schema: strategyId }) id: number): Promise<{ versions: StrategyVersion[] }> {
    return { versions: await this.strategies.versions(id) };
  }

  @Put(':id')
  @ApiHeader(ifMatchHeader)
  @Endpoint({
    summary: 'Replace a strategy; If-Match with the version guards against lost updates',
    permission: 'strategy:write',
    response: strategyResponse,
  })
  replace(
    @Param('id', { schema: strategyId }) id: number,
    @Body({ schema: strategySchema }) body: StrategyBody,
    @By() actor: Actor,
    @Headers('if-match') expected?: string,
  ): Promise<Strategy> {
    return this.strategies.replace(id, body, actor, Date.now(), versionIn(expected, 'T2001'));
  }

  @Delete(':id')
  @Endpoint({
    summary: 'Delete a strategy; its open alerts are closed with the reason strategy_deleted',
    permission: 'strategy:write',
    status: 204,
  })
  remove(@Param('id', { schema: strategyId }) id: number, @By() actor: Actor): Promise<void> {
    return this.strategies.remove(id, actor, Date.now());
  }

  @Post('apply')
  @Endpoint({
    summary: 'Create or update strategies by name, from YAML or JSON',
    permission: 'strategy:write',
    body: rulesFile,
    consumes: ['application/json', 'application/yaml'],
    response: z.object({ strategies: applied }),
  })
  async apply(@Body() body: unknown, @By() actor: Actor): Promise<{ strategies: AppliedStrategy[] }> {
    const { strategies } = parseRulesFile(Buffer.isBuffer(body) ? body.toString('utf8') : body);
    return { strategies: await this.strategies.apply(strategies.map(parseStrategy), actor, Date.now()) };
  }
}
