import { Body, Controller, Headers, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService, type IngestResponse } from './access.service.js';
import { BusinessParameters } from './business-parameters.decorator.js';
import { cloudEventsBody, receiptResponse } from './ingest-responses.js';
import { BUSINESS_HEADER, businessOf } from './business.js';
import { SenderService } from './sender.service.js';

@ApiTags('access')
@Controller('api/v1/cloudevents')
export class CloudEventsController {
  constructor(
    private readonly access: AccessService,
    private readonly senders: SenderService,
  ) {}

  @Post()
  @RawBody()
  @BusinessParameters()
  @Endpoint({
    summary: 'Ingest CloudEvents 1.0: structured, batched or binary content mode',
    description: 'CloudEvents with the same source and id are deduplicated. Mapping of attributes and data to events: docs/ingest.md.',
    permission: 'event:write',
    status: 202,
    body: cloudEventsBody,
    consumes: ['application/cloudevents+json', 'application/cloudevents-batch+json'],
    response: receiptResponse,
  })
  async take(
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
    @Query('bk_biz_id') query: unknown,
  ): Promise<IngestResponse> {
    const sender = await this.senders.byToken(headers);
    const business = businessOf(query, headers[BUSINESS_HEADER]);
    const contentType = headers['content-type'] ?? 'missing';
    return this.access.ingest('cloudevents', 'cloudevents', { body: body ?? Buffer.alloc(0), contentType, headers, business, sender });
  }
}
