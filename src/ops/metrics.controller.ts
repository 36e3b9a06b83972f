import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Consumers, type PartitionLag } from '../log/consumers.js';
import { Metrics } from './metrics.js';

@ApiTags('operations')
@Controller()
export class MetricsController {
  constructor(
    private readonly metrics: Metrics,
    private readonly consumers: Consumers,
  ) {}

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'Prometheus metrics' })
  text(): Promise<string> {
    return this.metrics.text();
  }

  @Get('api/v1/lag')
  @ApiOperation({ summary: 'Lag of every consumer group, topic and partition' })
  async lag(): Promise<{ partitions: PartitionLag[]; total: number }> {
    const partitions = await this.consumers.lag();
    return { partitions, total: partitions.reduce((sum, { lag }) => sum + lag, 0) };
  }
}
