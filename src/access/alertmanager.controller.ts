import { Body, Controller, Headers, HttpException, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService } from './access.service.js';
import { BusinessParameters } from './business-parameters.decorator.js';
import { alertmanagerBody } from './ingest-responses.js';
import { BUSINESS_HEADER, businessOf } from './business.js';
import { SenderService } from './sender.service.js';

@ApiTags('access')
@Controller('api/v2/alerts')
export class AlertmanagerController {
  constructor(
    private readonly access: AccessService,
    private readonly senders: SenderService,
  ) {}

  @Post()
  @RawBody()
  @BusinessParameters()
  @Endpoint({
    summary: 'Ingest alerts of Prometheus, vmalert and Grafana (Alertmanager API v2)',
    description: 'Valid alerts are accepted even if the response is 400 or 422 because of others. Errors have the format of the Alertmanager API.',
    permission: 'event:write',
    status: 200,
    body: alertmanagerBody,
  })
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
    const sender = await this.senders.byToken(headers);
    const business = businessOf(query, headers[BUSINESS_HEADER]);
    const answer = await this.access.ingestAlerts({ body: body ?? Buffer.alloc(0), business, sender });
    if (answer) throw new HttpException(answer.body, answer.status);
  }
}
