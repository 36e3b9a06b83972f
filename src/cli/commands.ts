import type { Command } from 'commander';
import { lagCommand } from './lag.js';
import { rulesCommand } from './rules.js';

/** The commands beside `serve` and `migrate`. A new one is a file here and a line in this table. */
export const commands: readonly ((program: Command) => void)[] = [lagCommand, rulesCommand];
