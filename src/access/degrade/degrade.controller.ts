import { Body, Controller, Delete, Get, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../../http/by.decorator.js';
import { Endpoint } from '../../http/endpoint.decorator.js';
import type { Actor } from '../../shared/actor.js';
import { type SwitchBody, switchSchema } from './degrade.js';
import { DegradeService, type DegradeSwitchStatus } from './degrade.service.js';

const switchResponse = z.object({
  source: z.string(),
  drop_priority: z.number().nullable(),
  keep: z.number().nullable(),
  reason: z.string(),
  set_by: z.string(),
  set_at: z.number(),
  expires_at: z.number(),
  dropped: z.number().describe('Events that it dropped at this replica since the replica started'),
});

@ApiTags('access')
@Controller('api/v1/degrade')
export class DegradeController {
  constructor(private readonly degrade: DegradeService) {}

  @Get()
  @Endpoint({
    summary: 'List active degrade switches',
    permission: 'degrade:read',
    response: z.object({ degraded: z.boolean(), switches: z.array(switchResponse) }),
  })
  async list(): Promise<{ degraded: boolean; switches: DegradeSwitchStatus[] }> {
    const switches = await this.degrade.list(Date.now());
    return { degraded: switches.length > 0, switches };
  }

  @Put(':source')
  @Endpoint({
    summary: 'Drop part of what a source sends, for a while',
    description:
      'The source is the name of a declared source, an event_source, or * for all. drop_priority n drops events of priority n to 5 (field priority; default by type: ' +
      'event 2, metric 3, log 4; external alerts are never dropped); keep is the fraction of series to keep. reason, and expires_at or for_ms, are required. ' +
      'Takes effect on all replicas within 2 s.',
    permission: 'degrade:write',
    response: switchResponse,
  })
  set(@Param('source') source: string, @Body({ schema: switchSchema }) body: SwitchBody, @By() actor: Actor): Promise<DegradeSwitchStatus> {
    return this.degrade.set(source, body, actor, Date.now());
  }

  @Delete(':source')
  @Endpoint({ summary: 'Clear the degrade switch of a source before it expires', permission: 'degrade:write', status: 204 })
  clear(@Param('source') source: string, @By() actor: Actor): Promise<void> {
    return this.degrade.clear(source, actor, Date.now());
  }
}
