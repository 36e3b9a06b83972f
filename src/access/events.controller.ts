import { Body, Controller, Headers, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService, type IngestResponse } from './access.service.js';
import { BusinessParameters } from './business-parameters.decorator.js';
import { eventsBody, receiptResponse } from './ingest-responses.js';
import { BUSINESS_HEADER, businessOf } from './business.js';
import { SenderService } from './sender.service.js';

@ApiTags('access')
@Controller('api/v1/events')
export class EventsController {
  constructor(
    private readonly access: AccessService,
    private readonly senders: SenderService,
  ) {}

  @Post()
  @RawBody()
  @BusinessParameters()
  @Endpoint({
    summary: 'Ingest events: one event, an array, {"events":[…]}, or NDJSON (application/x-ndjson); gzip and deflate are supported',
    description:
      'Fields of an event: event_type (metric, event, log, alert), bk_biz_id, event_source, raw_data; optional timestamp (s, ms, µs, ns or RFC 3339; default: now) ' +
      'and event_id. 202: accepted events are stored in the event log; rejected ones are listed in `errors` by index. 429 and 503 have a Retry-After header.',
    permission: 'event:write',
    status: 202,
    body: eventsBody,
    consumes: ['application/json', 'application/x-ndjson'],
    response: receiptResponse,
  })
  async take(
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
    @Query('bk_biz_id') query: unknown,
  ): Promise<IngestResponse> {
    const sender = await this.senders.byToken(headers);
    const business = businessOf(query, headers[BUSINESS_HEADER]);
    return this.access.ingestEvents({ body: body ?? Buffer.alloc(0), contentType: headers['content-type'], business, sender });
  }
}
