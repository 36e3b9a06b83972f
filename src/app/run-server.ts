import { Logger } from '@nestjs/common';
import type { Config } from '../config.js';
import { wantsJson } from '../runtime/logger.service.js';
import { playDemo } from '../demo/demo.js';
import { applyRules } from './apply-rules.js';
import { type Running, serve } from './serve.js';

/** Runs the server until SIGTERM or SIGINT. */
export async function runServer(config: Config, demo: boolean): Promise<void> {
  const running = await serve(config);
  const { sandbox } = running;
  if (config.RULES_PATH && !sandbox) await applyRules(running.app, config.RULES_PATH);
  announce(config, running.url);
  if (sandbox) new Logger('serve').warn('sandbox mode, read-only: no notifications are sent, no sources are read, and the clock does not advance');
  const stopDemo = demo && !sandbox ? await playDemo(running.app, running.url) : undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stopDemo?.();
      void stop(running, config.SHUTDOWN_MS);
    });
  }
}

/** Graceful shutdown with a deadline. Unfinished work is redelivered at the next start. */
async function stop(running: Running, most: number): Promise<void> {
  const late = setTimeout(() => {
    process.stderr.write(`graceful shutdown exceeded ${most} ms; unfinished work is redelivered at the next start\n`);
    process.exit(0);
  }, most);
  try {
    await running.close();
    clearTimeout(late);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`shutdown failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  }
}

function announce(config: Config, url: string): void {
  if (wantsJson(config)) {
    new Logger('serve').log({ message: 'listening', url, mode: config.mode });
    return;
  }
  process.stdout.write(`
Tocsin listens on ${url} (${config.mode} mode${config.mode === 'embedded' ? `, data in ${config.DATA_DIR}/` : ''})

Three things to try:
  1. Create a strategy:    curl -s ${url}/api/v1/strategies -H 'content-type: application/json' -d '{"name":"CPU is busy","bk_biz_id":"2","items":[{"queries":[{"metric":"cpu.usage","aggregation":"AVG","interval":5,"dimensions":["host"]}],"lateness":0,"algorithms":[{"level":1,"type":"Threshold","config":[[{"method":"gte","threshold":90}]]}]}],"detects":[{"level":1}]}'
  2. Send a metric:        curl -s ${url}/api/v1/events -H 'content-type: application/json' -d '{"event_type":"metric","bk_biz_id":"2","event_source":"me","raw_data":{"metric":"cpu.usage","value":97,"dimensions":{"host":"web-1"}}}'
  3. List alerts:          curl -s '${url}/api/v1/alerts?status=ABNORMAL'    (a few seconds later; API: ${url}/docs)

`);
}
