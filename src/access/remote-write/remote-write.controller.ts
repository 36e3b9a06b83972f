import { Body, Controller, Headers, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../../http/endpoint.decorator.js';
import { RawBody } from '../../http/raw-body.decorator.js';
import { TocsinError } from '../../shared/errors.js';
import { AccessService } from '../access.service.js';
import { BusinessParameters } from '../business-parameters.decorator.js';
import { binaryBody } from '../ingest-responses.js';
import { BUSINESS_HEADER, businessOf } from '../business.js';
import { headerProblem } from './remote-write.js';
import { SenderService } from '../sender.service.js';

@ApiTags('access')
@Controller('api/v1/write')
export class RemoteWriteController {
  constructor(
    private readonly access: AccessService,
    private readonly senders: SenderService,
  ) {}

  @Post()
  @RawBody('snappy')
  @BusinessParameters()
  @Endpoint({
    summary: 'Ingest Prometheus remote write 1.0',
    description:
      'Each sample becomes a metric event with event_source prometheus. Stale markers, NaN, infinities and native histograms are dropped and counted.',
    permission: 'event:write',
    status: 204,
    body: binaryBody,
    consumes: ['application/x-protobuf'],
  })
  async take(
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
    @Query('bk_biz_id') query: unknown,
  ): Promise<void> {
    const problem = headerProblem(headers['content-type'], headers['content-encoding'], headers['x-prometheus-remote-write-version']);
    if (problem) throw new TocsinError('T1004', problem);
    const sender = await this.senders.byToken(headers);
    await this.access.ingestSamples({ body: body ?? Buffer.alloc(0), business: businessOf(query, headers[BUSINESS_HEADER]), sender });
  }
}
