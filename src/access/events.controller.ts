import { Body, Controller, Headers, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService, type IngestResponse } from './access.service.js';
import { BUSINESS_HEADER, businessOf } from './business.js';
import { SenderService } from './sender.service.js';

@ApiTags('access')
@Controller('api/v1/events')
export class EventsController {
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
    summary: 'Ingest events: one event, an array, {"events":[…]}, or NDJSON (application/x-ndjson); gzip and deflate are supported',
    description:
      'Fields of an event: event_type (metric, event, log, alert), bk_biz_id, event_source, raw_data; optional timestamp (s, ms, µs, ns or RFC 3339; default: now) ' +
      'and event_id. 202: accepted events are stored in the event log; rejected ones are listed in `errors` by index. 429 and 503 have a Retry-After header.',
  })
  @ApiConsumes('application/json', 'application/x-ndjson')
  @ApiBody({ schema: { oneOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }] } })
  @ApiQuery({ name: 'bk_biz_id', required: false, description: 'Business of events without bk_biz_id' })
  @ApiHeader({ name: 'X-Bk-Biz-Id', required: false, description: 'Same as the query parameter' })
  @ApiHeader({ name: 'Authorization', required: false, description: 'Bearer token of a declared source, whose business and rate limit apply' })
  @ApiResponse({ status: 202, description: '{"accepted":n,"rejected":m,"errors":[{"index","code","message"}]}' })
  @ApiResponse({ status: 400, description: 'T1009: all items were rejected; details have the format of the 202 response' })
  async take(
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
    @Query('bk_biz_id') query: unknown,
  ): Promise<IngestResponse> {
    const sender = await this.#senders.byToken(headers);
    const business = businessOf(query, headers[BUSINESS_HEADER]);
    return this.#access.ingestEvents({ body: body ?? Buffer.alloc(0), contentType: headers['content-type'], business, sender });
  }
}
