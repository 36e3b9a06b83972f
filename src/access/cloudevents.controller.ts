import { Body, Controller, Headers, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService, type IngestResponse } from './access.service.js';
import { BUSINESS_HEADER, businessOf } from './business.js';
import { SenderService } from './sender.service.js';

@ApiTags('access')
@Controller('api/v1/cloudevents')
export class CloudEventsController {
  readonly #access: AccessService;
  readonly #senders: SenderService;

  constructor(access: AccessService, senders: SenderService) {
    this.#access = access;
    this.#senders = senders;
  }

  @Post()
  @HttpCode(202)
  @RawBody()
  @ApiOperation({
    summary: 'Ingest CloudEvents 1.0: structured, batched or binary content mode',
    description: 'CloudEvents with the same source and id are deduplicated. Mapping of attributes and data to events: docs/ingest.md.',
  })
  @ApiConsumes('application/cloudevents+json', 'application/cloudevents-batch+json')
  @ApiBody({ schema: { oneOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }] } })
  @ApiQuery({ name: 'bk_biz_id', required: false, description: 'Business of events without the extension attribute bkbizid' })
  @ApiHeader({ name: 'X-Bk-Biz-Id', required: false, description: 'Same as the query parameter' })
  @ApiResponse({ status: 202, description: '{"accepted":n,"rejected":m,"errors":[{"index","code","message"}]}' })
  async take(
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
    @Query('bk_biz_id') query: unknown,
  ): Promise<IngestResponse> {
    const sender = await this.#senders.byToken(headers);
    const business = businessOf(query, headers[BUSINESS_HEADER]);
    const contentType = headers['content-type'] ?? 'missing';
    return this.#access.ingest('cloudevents', 'cloudevents', { body: body ?? Buffer.alloc(0), contentType, headers, business, sender });
  }
}
