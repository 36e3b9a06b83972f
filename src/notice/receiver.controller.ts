import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { By } from '../http/by.decorator.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { type Receiver, receiverSchema } from './receiver.js';
import { ReceiverReader } from './receiver.reader.js';
import { ReceiverService } from './receiver.service.js';

@ApiTags('receivers')
@Controller('api/v1/receivers')
export class ReceiverController {
  constructor(
    private readonly receivers: ReceiverService,
    private readonly reader: ReceiverReader,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List receivers' })
  async list(): Promise<{ receivers: Receiver[] }> {
    return { receivers: await this.reader.all() };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a receiver' })
  async get(@Param('id') id: string): Promise<Receiver> {
    const receiver = await this.reader.find(number(id));
    if (!receiver) throw new TocsinError('T4002', id);
    return receiver;
  }

  @Post()
  @ApiOperation({ summary: 'Create a receiver' })
  create(@Body({ schema: receiverSchema }) body: unknown, @By() actor: Actor): Promise<Receiver> {
    return this.receivers.create(body, actor, Date.now());
  }

  @Put(':id')
  @ApiOperation({ summary: 'Replace a receiver' })
  replace(@Param('id') id: string, @Body({ schema: receiverSchema }) body: unknown, @By() actor: Actor): Promise<Receiver> {
    return this.receivers.replace(number(id), body, actor, Date.now());
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a receiver; its pending notices become dead' })
  remove(@Param('id') id: string, @By() actor: Actor): Promise<void> {
    return this.receivers.remove(number(id), actor, Date.now());
  }
}

/** What is not a number is the id of nothing. Throws T4002. */
function number(id: string): number {
  if (!/^\d{1,9}$/.test(id)) throw new TocsinError('T4002', id);
  return Number(id);
}
