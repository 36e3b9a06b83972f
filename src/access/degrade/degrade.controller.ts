import { Body, Controller, Delete, Get, HttpCode, Param, Put } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import { By } from '../../http/by.decorator.js';
import type { Actor } from '../../shared/actor.js';
import { switchSchema } from './degrade.js';
import { DegradeService, type DegradeSwitchStatus } from './degrade.service.js';

@ApiTags('access')
@Controller('api/v1/degrade')
export class DegradeController {
  constructor(private readonly degrade: DegradeService) {}

  @Get()
  @ApiOperation({ summary: 'List active degrade switches' })
  async list(): Promise<{ degraded: boolean; switches: DegradeSwitchStatus[] }> {
    const switches = await this.degrade.list(Date.now());
    return { degraded: switches.length > 0, switches };
  }

  @Put(':source')
  @ApiOperation({
    summary: 'Drop part of what a source sends, for a while',
    description:
      'The source is the name of a declared source, an event_source, or * for all. drop_priority n drops events of priority n to 5 (field priority; default by type: ' +
      'event 2, metric 3, log 4; external alerts are never dropped); keep is the fraction of series to keep. reason, and expires_at or for_ms, are required. ' +
      'Takes effect on all replicas within 2 s.',
  })
  @ApiHeader({ name: 'X-User', required: false, description: 'Operator; same as the field by' })
  set(@Param('source') source: string, @Body({ schema: switchSchema }) body: unknown, @By() actor: Actor): Promise<DegradeSwitchStatus> {
    return this.degrade.set(source, body, actor, Date.now());
  }

  @Delete(':source')
  @HttpCode(204)
  @ApiOperation({ summary: 'Clear the degrade switch of a source before it expires' })
  clear(@Param('source') source: string, @By() actor: Actor): Promise<void> {
    return this.degrade.clear(source, actor, Date.now());
  }
}
