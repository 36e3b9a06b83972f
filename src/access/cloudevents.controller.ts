import { Body, Controller, Headers, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService, type Receipt } from './access.service.js';
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
    summary: 'CloudEvents 1.0: structured, batch, or binary (attributes in ce- headers)',
    description:
      'source and id of a CloudEvent identify it: sent again it is the same event. How attributes and data become an event: docs/ingest.md.',
  })
  @ApiConsumes('application/cloudevents+json', 'application/cloudevents-batch+json')
  @ApiBody({ schema: { oneOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }] } })
  @ApiQuery({ name: 'bk_biz_id', required: false, description: 'Business of the events without the extension bkbizid' })
  @ApiHeader({ name: 'X-Bk-Biz-Id', required: false, description: 'The same, as a header' })
  @ApiResponse({ status: 202, description: '{"accepted":n,"rejected":m,"errors":[{"index","code","message"}]}' })
  async take(
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
    @Query('bk_biz_id') query: unknown,
  ): Promise<Receipt> {
    const sender = await this.#senders.byToken(headers);
    const business = businessOf(query, headers[BUSINESS_HEADER]);
    const contentType = headers['content-type'] ?? 'missing';
    return this.#access.take('cloudevents', 'cloudevents', { body: body ?? Buffer.alloc(0), contentType, headers, business, sender });
  }
}
