import { Controller, Get, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Allow } from './allow.decorator.js';
import { HttpModule } from './http.module.js';
import { createHttpAdapter } from './http-server.service.js';

@Controller()
class GuardedController {
  @Get('guarded')
  @Allow('alert:read')
  guarded(): string {
    return 'ok';
  }

  helper(): string {
    return 'no route';
  }
}

@Controller()
class OpenController {
  @Get('open')
  open(): string {
    return 'ok';
  }
}

async function start(...controllers: (new () => unknown)[]): Promise<NestFastifyApplication> {
  @Module({ imports: [HttpModule], controllers })
  class Rooms {}
  const module = await Test.createTestingModule({ imports: [Rooms] }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(createHttpAdapter({ MAX_BODY_BYTES: 1000 }), { logger: false });
  await app.init();
  return app;
}

describe('the permission of a route', () => {
  it('is granted while no users exist', async () => {
    const app = await start(GuardedController);
    expect(await app.inject({ method: 'GET', url: '/guarded' })).toMatchObject({ statusCode: 200, payload: 'ok' });
    await app.close();
  });

  it('must be declared: a route without one stops the start, and is named', async () => {
    await expect(start(GuardedController, OpenController)).rejects.toThrow('routes without a permission: OpenController.open');
  });
});
