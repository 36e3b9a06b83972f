import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../http/by.decorator.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { sourceSchema } from '../access/registry/source.js';
import { type SourceChangeResult, type ShownSource, SourceService, type SourceWithToken } from './source.service.js';
import { type ResumedSourcePartition, SourceStateService } from './source-state.service.js';
import { parseSourcesFile } from './sources-file.js';
import type { SourceSummary } from './source-state.js';

const body = z.toJSONSchema(sourceSchema, { io: 'input', unrepresentable: 'any' }) as object;
const change = (actor: Actor) => ({ actor, now: Date.now() });

@ApiTags('sources')
@Controller('api/v1/sources')
export class SourceController {
  constructor(
    private readonly sources: SourceService,
    private readonly states: SourceStateService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List sources by name, with their state on all replicas, without secrets' })
  async list(): Promise<{ sources: (ShownSource & { state: Pick<SourceSummary, 'status' | 'problems' | 'lag' | 'partitions'> })[] }> {
    const states = new Map((await this.states.all()).map((state) => [state.name, state]));
    const sources = await this.sources.list();
    return {
      sources: sources.map((source) => {
        const { status = 'connecting', problems = [], lag = 0, partitions = 0 } = states.get(source.name) ?? {};
        return { ...source, state: { status, problems, lag, partitions } };
      }),
    };
  }

  @Post()
  @ApiOperation({
    summary: 'Create a source, which starts on every replica within seconds. The response for kind http contains the token, which is not shown again',
  })
  @ApiBody({ schema: body })
  @ApiResponse({ status: 400, description: 'T7020 with every invalid field in `details`' })
  create(@Body() value: unknown, @By() actor: Actor): Promise<SourceWithToken> {
    return this.sources.create(value, change(actor));
  }

  @Post('plan')
  @HttpCode(200)
  @ApiOperation({ summary: 'Show the changes that apply would make' })
  async plan(@Body() value: unknown): Promise<{ sources: SourceChangeResult[] }> {
    return { sources: await this.sources.plan(parseSourcesFile(value)) };
  }

  @Post('apply')
  @HttpCode(200)
  @ApiOperation({ summary: 'Create or update sources by name, in one transaction; other sources are kept' })
  async apply(@Body() value: unknown, @By() actor: Actor): Promise<{ sources: SourceChangeResult[] }> {
    return { sources: await this.sources.apply(parseSourcesFile(value), change(actor)) };
  }

  @Get(':name')
  @ApiOperation({ summary: 'Get the definition of a source' })
  get(@Param('name') name: string): Promise<ShownSource> {
    return this.sources.get(name);
  }

  @Put(':name')
  @ApiOperation({ summary: 'Replace the definition of a source; omitted secrets are kept. If-Match with the version prevents lost updates' })
  @ApiBody({ schema: body })
  replace(@Param('name') name: string, @Body() value: unknown, @By() actor: Actor, @Headers('if-match') expected?: string): Promise<ShownSource> {
    return this.sources.replace(name, value, change(actor), expected === undefined ? undefined : versionOf(expected));
  }

  @Delete(':name')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a source with its tokens and positions' })
  remove(@Param('name') name: string, @By() actor: Actor): Promise<void> {
    return this.sources.remove(name, change(actor));
  }

  @Post(':name/enable')
  @HttpCode(200)
  @ApiOperation({ summary: 'Enable a source; it continues at its last position' })
  enable(@Param('name') name: string, @By() actor: Actor): Promise<ShownSource> {
    return this.sources.enable(name, true, change(actor));
  }

  @Post(':name/disable')
  @HttpCode(200)
  @ApiOperation({ summary: 'Disable a source; positions are kept' })
  disable(@Param('name') name: string, @By() actor: Actor): Promise<ShownSource> {
    return this.sources.enable(name, false, change(actor));
  }

  @Get(':name/state')
  @ApiOperation({ summary: 'Get the state of a source on every live replica: partitions, positions, lag, problems' })
  state(@Param('name') name: string): Promise<SourceSummary> {
    return this.states.of(name);
  }

  @Post(':name/resume')
  @HttpCode(200)
  @ApiOperation({ summary: 'Resume halted partitions; {"from":"earliest"|"latest"} for those whose position no longer exists on the cluster' })
  async resume(@Param('name') name: string, @Body() value: unknown, @By() actor: Actor): Promise<{ partitions: ResumedSourcePartition[] }> {
    const from = (value as { from?: unknown } | null)?.from ?? 'earliest';
    if (from !== 'earliest' && from !== 'latest') throw new TocsinError('T7020', 'from: must be earliest or latest', []);
    const now = Date.now();
    const partitions = await this.states.resume(name, from, now);
    await this.sources.resumed(name, { from, partitions }, change(actor));
    return { partitions };
  }

  @Post(':name/token')
  @ApiOperation({ summary: 'Create a second token, shown only once; the older one stays valid until it is revoked' })
  addToken(@Param('name') name: string, @By() actor: Actor): Promise<{ token: string }> {
    return this.sources.addToken(name, change(actor));
  }

  @Delete(':name/token')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revoke the older of two tokens' })
  revokeToken(@Param('name') name: string, @By() actor: Actor): Promise<void> {
    return this.sources.revokeToken(name, change(actor));
  }
}

function versionOf(text: string): number {
  const digits = text.replaceAll('"', '');
  if (!/^\d{1,15}$/.test(digits)) throw new TocsinError('T7020', 'If-Match: must be a version number', []);
  return Number(digits);
}
