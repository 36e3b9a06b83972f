import { Body, Controller, Headers, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RawBody } from '../../http/raw-body.decorator.js';
import { TocsinError } from '../../shared/errors.js';
import { AccessService } from '../access.service.js';
import { BUSINESS_HEADER, businessOf } from '../business.js';
import { headerProblem } from './remote-write.js';
import { SenderService } from '../sender.service.js';

@ApiTags('access')
@Controller('api/v1/write')
export class RemoteWriteController {
  readonly #access: AccessService;
  readonly #senders: SenderService;

  constructor(access: AccessService, senders: SenderService) {
    this.#access = access;
    this.#senders = senders;
  }

  @Post()
  @HttpCode(204)
  @RawBody('snappy')
  @ApiOperation({
    summary: 'Ingest Prometheus remote write 1.0',
    description:
      'Each sample becomes a metric event with event_source prometheus. Stale markers, NaN, infinities and native histograms are dropped and counted.',
  })
  @ApiConsumes('application/x-protobuf')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiQuery({ name: 'bk_biz_id', required: false, description: 'Business of the samples; default: DEFAULT_BUSINESS' })
  @ApiHeader({ name: 'X-Bk-Biz-Id', required: false, description: 'Same as the query parameter' })
  @ApiHeader({ name: 'Authorization', required: false, description: 'Bearer token of a declared source, whose business and rate limit apply' })
  @ApiResponse({ status: 204, description: 'The samples are stored in the event log' })
  async take(
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
    @Query('bk_biz_id') query: unknown,
  ): Promise<void> {
    const problem = headerProblem(headers['content-type'], headers['content-encoding'], headers['x-prometheus-remote-write-version']);
    if (problem) throw new TocsinError('T1004', problem);
    const sender = await this.#senders.byToken(headers);
    await this.#access.ingestSamples({ body: body ?? Buffer.alloc(0), business: businessOf(query, headers[BUSINESS_HEADER]), sender });
  }
}
