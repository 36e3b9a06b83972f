import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import { RawBody } from '../http/raw-body.decorator.js';
import type { IngestResponse } from './access.service.js';
import { reportBody, reportResponse } from './ingest-responses.js';
import { BkReportService } from './bk-report.service.js';

/** The response format of bk-collector, extended by the result for the items. */
interface ReportAnswer extends IngestResponse {
  readonly code: string;
  readonly result: string;
  readonly message: string;
}

@ApiTags('access')
@Controller(['v2/push', 'api/v1/report'])
export class BkReportController {
  constructor(private readonly reports: BkReportService) {}

  @Post()
  @RawBody()
  @Endpoint({
    summary: 'Ingest BlueKing custom reports: time series and events',
    description:
      '{"data_id","access_token","data":[{"metrics":{…},"target","dimension":{…},"timestamp"} or {"event_name","event":{"content"},"target","dimension","timestamp"}]}; ' +
      'data_id and access_token identify a declared http source. Errors have the format of bk-collector: {"code":"403","result":"false","message"}.',
    permission: 'event:write',
    status: 200,
    body: reportBody,
    response: reportResponse,
  })
  async take(@Body() body: Buffer | undefined): Promise<ReportAnswer> {
    const receipt = await this.reports.take(body ?? Buffer.alloc(0));
    const [first] = receipt.errors;
    const message = first ? `${receipt.errors.length} items rejected, first error: ${first.code} ${first.message}` : '';
    return { code: '200', result: 'true', message, ...receipt };
  }
}
