import { Injectable, Module, type Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { eventually } from '../../test/support/eventually.js';
import { parseConfig } from '../config.js';
import type { LeaseRepository } from '../database/lease.repository.js';
import { DecoratorsModule } from '../shared/discovery.module.js';
import { Discovery } from '../shared/discovery.service.js';
import { PeriodicTask } from '../shared/periodic-task.js';
import { Background } from './background.decorator.js';
import { BackgroundRunner } from './background-runner.service.js';
import { LeadershipLost, LeaderTask } from './leader-task.decorator.js';
import { LeasedDuties } from './leased-duties.service.js';

const done: string[] = [];

@Injectable()
class Flushes {
  @LeaderTask('flush')
  flush(): Promise<number> {
    done.push('flush');
    return Promise.resolve(60_000);
  }

  @Background()
  counting(): PeriodicTask {
    return new PeriodicTask({ name: 'counting', everyMs: 60_000, run: () => void done.push('count') });
  }
}

@Injectable()
class Stuck {
  @Background()
  publishing(): PeriodicTask {
    return new PeriodicTask({ name: 'publishing', everyMs: 60_000, run: () => new Promise<void>(() => done.push('begun')) });
  }
}

@Injectable()
class OtherFlushes {
  @LeaderTask('flush')
  flush(): Promise<number> {
    return Promise.resolve(1);
  }
}

@Injectable()
class Follower {
  @LeadershipLost('flsh')
  forget(): void {}
}

describe('background work', () => {
  let duties: LeasedDuties;
  let runner: BackgroundRunner;
  const make = async (...providers: Provider[]): Promise<void> => {
    @Module({ providers })
    class SomeModule {}
    const module = await Test.createTestingModule({ imports: [DecoratorsModule, SomeModule] }).compile();
    duties = new LeasedDuties({} as LeaseRepository, parseConfig({}));
    runner = new BackgroundRunner(module.get(Discovery), duties);
  };
  beforeEach(() => void done.splice(0));
  afterEach(async () => {
    await runner.onModuleDestroy();
    await duties.onModuleDestroy();
  });

  it('is started wherever it is declared, and a leader-elected task runs again when it is woken', async () => {
    await make(Flushes);
    duties.wake('flush');
    expect([done, duties.isStarted]).toEqual([[], false]);
    runner.onApplicationBootstrap();
    await eventually(() => duties.held().includes('flush') && done.length === 2, 'both have run');
    expect(new Set(done)).toEqual(new Set(['flush', 'count']));
    duties.wake('flush');
    await eventually(() => done.length === 3, 'the run that was asked for');
    expect(done.at(-1)).toBe('flush');
  });

  it('does not wait at a stop for a run that does not end, because partitions and leases are released after it', async () => {
    await make(Stuck);
    runner.onApplicationBootstrap();
    expect(done).toEqual(['begun']);
    await runner.onModuleDestroy();
  });

  it('does not start with two tasks of one name', async () => {
    await make(Flushes, OtherFlushes);
    expect(() => runner.onApplicationBootstrap()).toThrow(
      'the leader-elected task "flush" is declared twice: by Flushes.flush and by OtherFlushes.flush',
    );
  });

  it('does not start with the end of a task that nobody declares', async () => {
    await make(Flushes, Follower);
    expect(() => runner.onApplicationBootstrap()).toThrow('Follower.forget follows the leader-elected task "flsh", which no provider declares');
  });
});
