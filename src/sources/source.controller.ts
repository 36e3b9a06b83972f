import { Body, Controller, Delete, Get, Headers, Param, Post, Put } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { namedSource, parseSource } from '../access/registry/source.js';
import { By } from '../http/by.decorator.js';
import { Endpoint } from '../http/endpoint.decorator.js';
import { ifMatchHeader, versionIn } from '../http/if-match.js';
import type { Actor } from '../shared/actor.js';
import { bodySchema } from '../shared/parse.js';
import {
  createdSourceResponse,
  resumedResponse,
  sourceBody,
  sourceChangesResponse,
  sourceResponse,
  sourcesFileBody,
  sourcesResponse,
  sourceStateResponse,
} from './source-responses.js';
import { type SourceChangeResult, type ShownSource, SourceService, type SourceWithToken } from './source.service.js';
import { type ResumedSourcePartition, SourceStateService } from './source-state.service.js';
import { parseSources } from './sources-file.js';
import type { SourceSummary } from './source-state.js';

const change = (actor: Actor) => ({ actor, now: Date.now() });
const resumeBody = bodySchema(z.object({ from: z.enum(['earliest', 'latest'], 'must be earliest or latest').default('earliest') }), {
  code: 'T7020',
  example: { from: 'earliest' },
});

@ApiTags('sources')
@Controller('api/v1/sources')
export class SourceController {
  constructor(
    private readonly sources: SourceService,
    private readonly states: SourceStateService,
  ) {}

  @Get()
  @Endpoint({
    summary: 'List sources by name, with their state on all replicas, without secrets',
    permission: 'source:read',
    response: sourcesResponse,
  })
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
  @Endpoint({
    summary: 'Create a source, which starts on every replica within seconds. The response for kind http contains the token, which is not shown again',
    permission: 'source:write',
    status: 201,
    body: sourceBody,
    response: createdSourceResponse,
  })
  create(@Body() body: unknown, @By() actor: Actor): Promise<SourceWithToken> {
    return this.sources.create(parseSource(body), change(actor));
  }

  @Post('plan')
  @Endpoint({
    summary: 'Show the changes that apply would make',
    permission: 'source:read',
    body: sourcesFileBody,
    response: sourceChangesResponse,
  })
  async plan(@Body() body: unknown): Promise<{ sources: SourceChangeResult[] }> {
    return { sources: await this.sources.plan(parseSources(body)) };
  }

  @Post('apply')
  @Endpoint({
    summary: 'Create or update sources by name, in one transaction; other sources are kept',
    permission: 'source:write',
    body: sourcesFileBody,
    response: sourceChangesResponse,
  })
  async apply(@Body() body: unknown, @By() actor: Actor): Promise<{ sources: SourceChangeResult[] }> {
    return { sources: await this.sources.apply(parseSources(body), change(actor)) };
  }

  @Get(':name')
  @Endpoint({ summary: 'Get the definition of a source', permission: 'source:read', response: sourceResponse })
  get(@Param('name') name: string): Promise<ShownSource> {
    return this.sources.get(name);
  }

  @Put(':name')
  @ApiHeader(ifMatchHeader)
  @Endpoint({
    summary: 'Replace the definition of a source; omitted secrets are kept. If-Match with the version prevents lost updates',
    permission: 'source:write',
    body: sourceBody,
    response: sourceResponse,
  })
  replace(@Param('name') name: string, @Body() body: unknown, @By() actor: Actor, @Headers('if-match') expected?: string): Promise<ShownSource> {
    return this.sources.replace(name, parseSource(namedSource(body, name)), change(actor), versionIn(expected, 'T7020'));
  }

  @Delete(':name')
  @Endpoint({ summary: 'Delete a source with its tokens and positions', permission: 'source:write', status: 204 })
  remove(@Param('name') name: string, @By() actor: Actor): Promise<void> {
    return this.sources.remove(name, change(actor));
  }

  @Post(':name/enable')
  @Endpoint({ summary: 'Enable a source; it continues at its last position', permission: 'source:write', response: sourceResponse })
  enable(@Param('name') name: string, @By() actor: Actor): Promise<ShownSource> {
    return this.sources.enable(name, true, change(actor));
  }

  @Post(':name/disable')
  @Endpoint({ summary: 'Disable a source; positions are kept', permission: 'source:write', response: sourceResponse })
  disable(@Param('name') name: string, @By() actor: Actor): Promise<ShownSource> {
    return this.sources.enable(name, false, change(actor));
  }

  @Get(':name/state')
  @Endpoint({
    summary: 'Get the state of a source on every live replica: partitions, positions, lag, problems',
    permission: 'source:read',
    response: sourceStateResponse,
  })
  state(@Param('name') name: string): Promise<SourceSummary> {
    return this.states.of(name);
  }

  @Post(':name/resume')
  @Endpoint({
    summary: 'Resume halted partitions; {"from":"earliest"|"latest"} for those whose position no longer exists on the cluster',
    permission: 'source:write',
    response: resumedResponse,
  })
  async resume(
    @Param('name') name: string,
    @Body({ schema: resumeBody }) { from }: z.output<typeof resumeBody>,
    @By() actor: Actor,
  ): Promise<{ partitions: ResumedSourcePartition[] }> {
    const partitions = await this.states.resume(name, from, Date.now());
    await this.sources.resumed(name, { from, partitions }, change(actor));
    return { partitions };
  }

  @Post(':name/token')
  @Endpoint({
    summary: 'Create a second token, shown only once; the older one stays valid until it is revoked',
    permission: 'source:write',
    status: 201,
    response: z.object({ token: z.string() }),
  })
  addToken(@Param('name') name: string, @By() actor: Actor): Promise<{ token: string }> {
    return this.sources.addToken(name, change(actor));
  }

  @Delete(':name/token')
  @Endpoint({ summary: 'Revoke the older of two tokens', permission: 'source:write', status: 204 })
  revokeToken(@Param('name') name: string, @By() actor: Actor): Promise<void> {
    return this.sources.revokeToken(name, change(actor));
  }
}
