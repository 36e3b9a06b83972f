import { type INestApplicationContext, Logger } from '@nestjs/common';
import { ReceiverService } from '../notice/receiver.service.js';
import { system } from '../shared/actor.js';
import { parseStrategy } from '../detect/strategy.js';
import { parseReceiver } from '../notice/receiver.js';
import { StrategyService } from '../detect/strategy.service.js';
import { demoStrategies } from './demo-rules.js';
import { site } from './scenarios.js';
import { openSink } from './sink.js';

const STEP_MS = 1000;

/** Loads the example strategies, opens a webhook sink that logs the notices, and sends the scenarios over HTTP. Returns the function to stop. */
export async function playDemo(app: INestApplicationContext, url: string): Promise<() => void> {
  const logger = new Logger('demo');
  const sink = await openSink((line) => logger.log(line));
  await app.get(StrategyService).apply(demoStrategies.map(parseStrategy), system('demo'), Date.now());
  await app
    .get(ReceiverService)
    .apply([parseReceiver({ name: 'demo-sink', channel: 'webhook', settings: { url: sink.url } })], system('demo'), Date.now());
  logger.log(
    `demo scenario running: hosts, a full disk, a flapping host check, an outage of a switch with 60 hosts; notices are listed at ${sink.url}/`,
  );
  logger.log(`alerts: ${url}/api/v1/alerts?status=ABNORMAL   groups: ${url}/api/v1/groups`);
  const start = Date.now();
  const timer = setInterval(() => void play(url, start, logger), STEP_MS);
  return () => {
    clearInterval(timer);
    sink.close();
  };
}

async function play(url: string, start: number, logger: Logger): Promise<void> {
  const now = Date.now();
  const second = Math.floor((now - start) / 1000);
  const events = site.flatMap((scenario) => scenario(second, now));
  try {
    const response = await fetch(`${url}/api/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    if (!response.ok) logger.warn(`metrics of second ${second} were refused: ${await response.text()}`);
  } catch (error) {
    logger.warn(`sending metrics of second ${second} failed: ${String(error)}`);
  }
}
