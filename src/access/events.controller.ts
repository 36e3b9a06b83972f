import { Body, Controller, Headers, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService, type Receipt } from './access.service.js';
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
    summary: 'Hand in events: one, an array, {"events":[…]}, or one on each line (application/x-ndjson); gzip and deflate are understood',
    description:
      'An event has event_type (metric, event, log, alert), bk_biz_id, event_source, raw_data, and may have timestamp (s, ms, µs, ns or RFC 3339; now when missing) ' +
      'and event_id. 202 means that the accepted ones are in the log; each other one is in `errors`, by its place. 429 and 503 say when to come again.',
  })
  @ApiConsumes('application/json', 'application/x-ndjson')
  @ApiBody({ schema: { oneOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }] } })
  @ApiQuery({ name: 'bk_biz_id', required: false, description: 'Business of the events that name none' })
  @ApiHeader({ name: 'X-Bk-Biz-Id', required: false, description: 'The same, as a header' })
  @ApiHeader({ name: 'Authorization', required: false, description: 'Bearer and the token of a declared source, whose business and rate then hold' })
  @ApiResponse({ status: 202, description: '{"accepted":n,"rejected":m,"errors":[{"index","code","message"}]}' })
  @ApiResponse({ status: 400, description: 'T1009 when no item was acceptable, with the same as details' })
  async take(
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
    @Query('bk_biz_id') query: unknown,
  ): Promise<Receipt> {
    const sender = await this.#senders.byToken(headers);
    const business = businessOf(query, headers[BUSINESS_HEADER]);
    return this.#access.takeEvents({ body: body ?? Buffer.alloc(0), contentType: headers['content-type'], business, sender });
  }
}
