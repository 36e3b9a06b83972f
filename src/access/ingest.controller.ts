import { Body, Controller, Headers, Param, Post } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService, type Receipt } from './access.service.js';
import { documentsBody, receiptResponse } from './ingest-responses.js';
import { SenderService } from './sender.service.js';

@ApiTags('access')
@Controller('api/v1/ingest')
export class IngestController {
  constructor(
    private readonly access: AccessService,
    private readonly senders: SenderService,
  ) {}

  @Post(':source')
  @ApiHeader({ name: 'X-Tocsin-Token', required: false, description: 'The token, where Authorization is taken' })
  @ApiHeader({ name: 'Authorization', required: false, description: 'Bearer and the token of the source' })
  @RawBody()
  @Endpoint({
    summary: 'What a declared http source sends, in the format that it declares',
    description:
      'The token of the source comes as Authorization: Bearer, or as X-Tocsin-Token; never in the address. Business, mapping and rate are those of the source.',
    permission: 'event:write',
    status: 202,
    body: documentsBody,
    consumes: ['application/json', 'application/x-ndjson'],
    response: receiptResponse,
  })
  async take(
    @Param('source') name: string,
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
  ): Promise<Receipt> {
    const sender = await this.senders.byName(name, headers);
    const contentType = headers['content-type'];
    return this.access.take('ingest', sender.format, { body: body ?? Buffer.alloc(0), contentType, headers, business: undefined, sender });
  }
}
