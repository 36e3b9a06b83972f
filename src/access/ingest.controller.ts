import { Body, Controller, Headers, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiBearerAuth, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RawBody } from '../http/raw-body.decorator.js';
import { AccessService, type IngestResponse } from './access.service.js';
import { SenderService } from './sender.service.js';

@ApiTags('access')
@Controller('api/v1/ingest')
export class IngestController {
  readonly #access: AccessService;
  readonly #senders: SenderService;

  constructor(access: AccessService, senders: SenderService) {
    this.#access = access;
    this.#senders = senders;
  }

  @Post(':source')
  @HttpCode(202)
  @RawBody()
  @ApiBearerAuth()
  @ApiOperation({
    summary: 'Ingest data of a declared http source in its format',
    description:
      'Authenticate with the token of the source, as Authorization: Bearer or X-Tocsin-Token. Business, mapping and rate limit of the source apply.',
  })
  @ApiConsumes('application/json', 'application/x-ndjson')
  @ApiBody({ schema: { oneOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }] } })
  @ApiHeader({ name: 'X-Tocsin-Token', required: false, description: 'Token, for clients that cannot set Authorization' })
  @ApiResponse({ status: 202, description: '{"accepted":n,"rejected":m,"errors":[{"index","code","message"}]}' })
  async take(
    @Param('source') name: string,
    @Body() body: Buffer | undefined,
    @Headers() headers: Record<string, string | undefined>,
  ): Promise<IngestResponse> {
    const sender = await this.#senders.byName(name, headers);
    const contentType = headers['content-type'];
    return this.#access.ingest('ingest', sender.format, { body: body ?? Buffer.alloc(0), contentType, headers, business: undefined, sender });
  }
}
