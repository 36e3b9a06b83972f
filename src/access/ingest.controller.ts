import { Body, Controller, Headers, Param, Post } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { Endpoint } from '../http/endpoint.decorator.js';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService, type IngestResponse } from './access.service.js';
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
  @ApiHeader({ name: 'X-Tocsin-Token', required: false, description: 'Token, for clients that cannot set Authorization' })
  @ApiHeader({ name: 'Authorization', required: false, description: 'Bearer token of the source' })
  @RawBody()
  @Endpoint({
    summary: 'Ingest data of a declared http source in its format',
    description:
      'Authenticate with the token of the source, as Authorization: Bearer or X-Tocsin-Token. Business, mapping and rate limit of the source apply.',
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
  ): Promise<IngestResponse> {
    const sender = await this.senders.byName(name, headers);
    const contentType = headers['content-type'];
    return this.access.ingest('ingest', sender.format, { body: body ?? Buffer.alloc(0), contentType, headers, business: undefined, sender });
  }
}
