import { Body, Controller, Delete, Get, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { By } from '../http/by.decorator.js';
import { Endpoint } from '../http/endpoint.decorator.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { numericId } from '../shared/parse.js';
import { type Receiver, type ReceiverBody, receiverResponse, receiverSchema } from './receiver.js';
import { ReceiverReader } from './receiver.reader.js';
import { ReceiverService } from './receiver.service.js';

const receiverId = numericId('T4002', 9);

@ApiTags('receivers')
@Controller('api/v1/receivers')
export class ReceiverController {
  constructor(
    private readonly receivers: ReceiverService,
    private readonly reader: ReceiverReader,
  ) {}

  @Get()
  @Endpoint({
    summary: 'List receivers',
    permission: 'receiver:read',
    response: z.object({ receivers: z.array(receiverResponse) }),
  })
  async list(): Promise<{ receivers: Receiver[] }> {
    return { receivers: await this.reader.all() };
  }

  @Get(':id')
  @Endpoint({ summary: 'Get a receiver', permission: 'receiver:read', response: receiverResponse })
  async get(@Param('id', { schema: receiverId }) id: number): Promise<Receiver> {
    const receiver = await this.reader.find(id);
    if (!receiver) throw new TocsinError('T4002', String(id));
    return receiver;
  }

  @Post()
  @Endpoint({ summary: 'Create a receiver', permission: 'receiver:write', status: 201, response: receiverResponse })
  create(@Body({ schema: receiverSchema }) body: ReceiverBody, @By() actor: Actor): Promise<Receiver> {
    return this.receivers.create(body, actor, Date.now());
  }

  @Put(':id')
  @Endpoint({ summary: 'Replace a receiver', permission: 'receiver:write', response: receiverResponse })
  replace(
    @Param('id', { schema: receiverId }) id: number,
    @Body({ schema: receiverSchema }) body: ReceiverBody,
    @By() actor: Actor,
  ): Promise<Receiver> {
    return this.receivers.replace(id, body, actor, Date.now());
  }

  @Delete(':id')
  @Endpoint({ summary: 'Delete a receiver; its pending notices become dead', permission: 'receiver:write', status: 204 })
  remove(@Param('id', { schema: receiverId }) id: number, @By() actor: Actor): Promise<void> {
    return this.receivers.remove(id, actor, Date.now());
  }
}
