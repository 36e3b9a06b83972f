/** One benchmarked process: `node bench/roles.mjs <role> <options as JSON>`; reports to its parent and ends. */
import 'reflect-metadata';
import { roles } from './role-table.mjs';

const [, , role, options] = process.argv;
const report = await roles[role](JSON.parse(options));
process.send(report, () => process.exit(0));
