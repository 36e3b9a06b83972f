import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RawBody } from '../http/raw-body.decorator.js';
import type { IngestResponse } from './access.service.js';
import { BkReportService } from './bk-report.service.js';

/** The answer in the shape of bk-collector, and beside it what became of the items. */
interface ReportAnswer extends IngestResponse {
  readonly code: string;
  readonly result: string;
  readonly message: string;
}

@ApiTags('access')
@Controller(['v2/push', 'api/v1/report'])
export class BkReportController {
  readonly #reports: BkReportService;

  constructor(reports: BkReportService) {
    this.#reports = reports;
  }

  @Post()
  @HttpCode(200)
  @RawBody()
  @ApiOperation({
    summary: 'Ingest BlueKing custom reports: time series and events',
    description:
      '{"data_id","access_token","data":[{"metrics":{…},"target","dimension":{…},"timestamp"} or {"event_name","event":{"content"},"target","dimension","timestamp"}]}; ' +
      'data_id and access_token identify a declared http source. Errors have the format of bk-collector: {"code":"403","result":"false","message"}.',
  })
  @ApiConsumes('application/json')
  @ApiBody({ schema: { type: 'object' } })
  @ApiResponse({
    status: 200,
    description: '{"code":"200","result":"true","message":"","accepted":n,"rejected":m,"errors":[…]}: accepted items are stored in the event log',
  })
  async take(@Body() body: Buffer | undefined): Promise<ReportAnswer> {
    const response = await this.#reports.take(body ?? Buffer.alloc(0));
    const [first] = response.errors;
    const message = first ? `${response.errors.length} items rejected, first error: ${first.code} ${first.message}` : '';
    return { code: '200', result: 'true', message, ...response };
  }
}
