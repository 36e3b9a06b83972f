import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { Readiness } from './readiness.service.js';

@ApiTags('operations')
@Controller()
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly readiness: Readiness,
  ) {}

  @Get('health/live')
  @ApiOperation({ summary: 'Liveness probe' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('health/ready')
  @ApiOperation({ summary: 'Readiness probe: database, event log, partition assignment, lag' })
  ready(): Promise<HealthCheckResult> {
    return this.checks.check(this.readiness.checks());
  }

  @Get('-/healthy')
  healthy(): string {
    return 'OK';
  }

  @Get('-/ready')
  async alertmanagerReady(): Promise<string> {
    const { status } = await this.ready();
    if (status !== 'ok') throw new ServiceUnavailableException();
    return 'OK';
  }
}
