import { Body, Controller, Delete, Get, Headers, HttpCode, Param, ParseIntPipe, Post, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { By } from '../http/by.decorator.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { parseRulesFile } from './rules-file.js';
import type { Strategy, StrategyVersion } from './strategy.js';
import { type AppliedStrategy, StrategyService } from './strategy.service.js';

@ApiTags('strategies')
@Controller('api/v1/strategies')
export class StrategyController {
  constructor(private readonly strategies: StrategyService) {}

  @Post()
  @ApiOperation({ summary: 'Create a strategy; answers when every event sent from now on is judged by it' })
  create(@Body() body: unknown, @By() actor: Actor): Promise<Strategy> {
    return this.strategies.create(body, actor, Date.now());
  }

  @Get()
  @ApiOperation({ summary: 'List strategies in order of their ids' })
  async list(@Query('bk_biz_id') business?: string, @Query('after') after = '0', @Query('limit') limit = '100') {
    const most = Math.min(1000, positive(limit, 'limit'));
    const strategies = await this.strategies.list({
      ...(business === undefined ? {} : { bk_biz_id: business }),
      after: positive(after, 'after'),
      limit: most,
    });
    return { strategies, next_after: strategies.length === most ? strategies.at(-1)!.id : null };
  }

  @Get(':id')
  get(@Param('id', ParseIntPipe) id: number): Promise<Strategy> {
    return this.strategies.get(id);
  }

  @Get(':id/versions')
  @ApiOperation({ summary: 'Every version the strategy ever had, and who changed it' })
  async versions(@Param('id', ParseIntPipe) id: number): Promise<{ versions: StrategyVersion[] }> {
    return { versions: await this.strategies.versions(id) };
  }

  @Put(':id')
  @ApiOperation({ summary: 'Replace a strategy; If-Match with the version guards against lost updates' })
  replace(
    @Param('id', ParseIntPipe) id: number,
    @Body() body: unknown,
    @By() actor: Actor,
    @Headers('if-match') expected?: string,
  ): Promise<Strategy> {
    return this.strategies.replace(
      id,
      body,
      actor,
      Date.now(),
      expected === undefined ? undefined : positive(expected.replaceAll('"', ''), 'If-Match'),
    );
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a strategy; its open alerts are closed with the reason strategy_deleted' })
  remove(@Param('id', ParseIntPipe) id: number, @By() actor: Actor): Promise<void> {
    return this.strategies.remove(id, actor, Date.now());
  }

  @Post('apply')
  @HttpCode(200)
  @ApiOperation({ summary: 'Create or update strategies by name, from YAML or JSON' })
  async apply(@Body() body: unknown, @By() actor: Actor): Promise<{ strategies: AppliedStrategy[] }> {
    const { strategies } = parseRulesFile(Buffer.isBuffer(body) ? body.toString('utf8') : body);
    return { strategies: await this.strategies.apply(strategies, actor, Date.now()) };
  }
}

function positive(text: string, field: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new TocsinError('T2001', `${field}: must be a whole number`);
  return Number(text);
}
