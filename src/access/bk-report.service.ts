import { Injectable } from '@nestjs/common';
import { AccessService, type IngestResponse } from './access.service.js';
import { readReport, readReportItems } from './formats/bk-monitor.js';
import { SenderService } from './sender.service.js';

/** Ingests BlueKing custom reports, which identify their sender in the body. */
@Injectable()
export class BkReportService {
  constructor(
    private readonly access: AccessService,
    private readonly senders: SenderService,
  ) {}

  /** Throws {@link TocsinError} T1001, T1002, T1101 (not a report), T1011 to T1014 (authentication), and as {@link AccessService.ingest}. */
  async take(body: Buffer): Promise<IngestResponse> {
    const { dataId, token, items } = readReport(body);
    const sender = await this.senders.byDataId(dataId, token);
    return this.access.ingestItems('bk_report', { body, business: undefined, sender }, (request) => readReportItems(items, request));
  }
}
