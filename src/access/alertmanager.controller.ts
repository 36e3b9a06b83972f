import { Body, Controller, Headers, HttpCode, HttpException, Post, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService } from './access.service.js';
import { BUSINESS_HEADER, businessOf } from './business.js';
import { SenderService } from './sender.service.js';

@ApiTags('access')
@Controller('api/v2/alerts')
export class AlertmanagerController {
  readonly #access: AccessService;
  readonly #senders: SenderService;

  constructor(access: AccessService, senders: SenderService) {
    this.#access = access;
    this.#senders = senders;
  }

  @Post()
  @HttpCode(200)
  @RawBody()
  @ApiOperation({
    summary: 'Ingest alerts of Prometheus, vmalert and Grafana (Alertmanager API v2)',
    description: 'Valid alerts are accepted even if the response is 400 or 422 because of others. Errors have the format of the Alertmanager API.',
  })
  @ApiConsumes('application/json')
  @ApiBody({ schema: { type: 'array', items: { type: 'object' } } })
  @ApiQuery({ name: 'bk_biz_id', required: false, description: 'Business of the alerts; default: DEFAULT_BUSINESS' })
  @ApiHeader({ name: 'X-Bk-Biz-Id', required: false, description: 'Same as the query parameter' })
  @ApiHeader({ name: 'Authorization', required: false, description: 'Bearer token of a declared source, whose business and rate limit apply' })
  @ApiResponse({ status: 200, description: 'The alerts are stored in the event log' })
  async take(
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
    @Query('bk_biz_id') query: unknown,
  ): Promise<void> {
    const contentType = headers['content-type'] ?? 'application/octet-stream';
    if (!/^application\/json\s*(?:;|$)/i.test(contentType)) {
      const message = `unsupported media type ${JSON.stringify(contentType)}, only [application/json] are allowed`;
      throw new HttpException({ code: 415, message }, 415);
    }
    const sender = await this.#senders.byToken(headers);
    const business = businessOf(query, headers[BUSINESS_HEADER]);
    const answer = await this.#access.ingestAlerts({ body: body ?? Buffer.alloc(0), business, sender });
    if (answer) throw new HttpException(answer.body, answer.status);
  }
}
