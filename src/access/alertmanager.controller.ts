import { Body, Controller, Headers, HttpCode, HttpException, Post, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService } from './access.service.js';
import { BUSINESS_HEADER, businessOf } from './business.js';

@ApiTags('access')
@Controller('api/v2/alerts')
export class AlertmanagerController {
  readonly #access: AccessService;

  constructor(access: AccessService) {
    this.#access = access;
  }

  @Post()
  @HttpCode(200)
  @RawBody()
  @ApiOperation({
    summary: 'Alerts of Prometheus, vmalert and Grafana, as Alertmanager takes them',
    description:
      'Alerts without problems are taken even when the answer is 400 or 422 for the others. Failures have the form that clients of Alertmanager expect.',
  })
  @ApiConsumes('application/json')
  @ApiBody({ schema: { type: 'array', items: { type: 'object' } } })
  @ApiQuery({ name: 'bk_biz_id', required: false, description: 'Business of the alerts; the setting DEFAULT_BUSINESS otherwise' })
  @ApiHeader({ name: 'X-Bk-Biz-Id', required: false, description: 'The same, as a header' })
  @ApiResponse({ status: 200, description: 'The alerts are in the log' })
  async take(
    @Body() body: Buffer | undefined,
    @Headers('content-type') contentType = 'application/octet-stream',
    @Query('bk_biz_id') query: unknown,
    @Headers(BUSINESS_HEADER) header: unknown,
  ): Promise<void> {
    if (!/^application\/json\s*(?:;|$)/i.test(contentType)) {
      const message = `unsupported media type ${JSON.stringify(contentType)}, only [application/json] are allowed`;
      throw new HttpException({ code: 415, message }, 415);
    }
    const answer = await this.#access.takeAlerts({ body: body ?? Buffer.alloc(0), business: businessOf(query, header) });
    if (answer) throw new HttpException(answer.body, answer.status);
  }
}
