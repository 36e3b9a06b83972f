import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { z } from 'zod';
import { Endpoint } from '../http/endpoint.decorator.js';
import { Readiness } from './readiness.service.js';

const checks = z.record(z.string(), z.unknown());
const readyResponse = z.object({ status: z.string(), info: checks.optional(), error: checks.optional(), details: checks });

@ApiTags('operations')
@Controller()
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly readiness: Readiness,
  ) {}

  @Get('health/live')
  @Endpoint({ summary: 'Liveness probe', permission: 'public', response: z.object({ status: z.literal('ok') }) })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('health/ready')
  @Endpoint({ summary: 'Readiness probe: database, event log, partition assignment, lag', permission: 'public', response: readyResponse })
  ready(): Promise<HealthCheckResult> {
    return this.checks.check(this.readiness.checks());
  }

  @Get('-/healthy')
  @Endpoint({ summary: 'Liveness as Alertmanager answers it', permission: 'public', response: z.string(), produces: 'text/plain' })
  healthy(): string {
    return 'OK';
  }

  @Get('-/ready')
  @Endpoint({ summary: 'Readiness as Alertmanager answers it', permission: 'public', response: z.string(), produces: 'text/plain' })
  async alertmanagerReady(): Promise<string> {
    const { status } = await this.ready();
    if (status !== 'ok') throw new ServiceUnavailableException();
    return 'OK';
  }
}
