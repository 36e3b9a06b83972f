import type { Command } from 'commander';
import { consumersCommand } from './consumers.js';
import { degradeCommand } from './degrade.js';
import { dlqCommand } from './dlq.js';
import { doctorCommand } from './doctor.js';
import { lagCommand } from './lag.js';
import { testMappingCommand } from './mapping.js';
import { offsetsCommand } from './offsets.js';
import { planCommand } from './plan.js';
import { rulesCommand } from './rules.js';
import { sourcesCommand } from './sources.js';
import { tailCommand } from './tail.js';
import { topicsCommand } from './topics.js';

/** All commands except `serve` and `migrate`. A new command is a file in this folder and a line in this table. */
export const commands: readonly ((program: Command) => void)[] = [
  consumersCommand,
  degradeCommand,
  dlqCommand,
  doctorCommand,
  lagCommand,
  offsetsCommand,
  planCommand,
  rulesCommand,
  sourcesCommand,
  tailCommand,
  topicsCommand,
  testMappingCommand,
];
