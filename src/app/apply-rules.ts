import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import { parseReceiver } from '../notice/receiver.js';
import { ReceiverService } from '../notice/receiver.service.js';
import { parseRulesFile } from '../detect/rules-file.js';
import { system } from '../shared/actor.js';
import { parseStrategy } from '../detect/strategy.js';
import { StrategyService } from '../detect/strategy.service.js';

/** Applies the YAML rules of a file, or of every .yaml and .yml file of a directory sorted by name, to a running Tocsin. */
export async function applyRules(app: INestApplicationContext, path: string): Promise<void> {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => /\.ya?ml$/.test(name))
        .sort()
        .map((name) => join(path, name))
    : [path];
  for (const file of files) {
    const { strategies, receivers } = parseRulesFile(readFileSync(file, 'utf8'));
    const applied = await app.get(StrategyService).apply(strategies.map(parseStrategy), system(file), Date.now());
    await app.get(ReceiverService).apply(receivers.map(parseReceiver), system(file), Date.now());
    const changed = applied.filter(({ outcome }) => outcome !== 'unchanged').length;
    new Logger('rules').log(`${file}: ${applied.length} strategies (${changed} changed), ${receivers.length} receivers`);
  }
}
