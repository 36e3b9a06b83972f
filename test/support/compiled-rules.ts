import type { EmitAlert } from '../../src/detect/alert-draft.js';
import { CompiledRules } from '../../src/detect/compiled-rules.js';
import type { PartitionFold } from '../../src/detect/fold.js';
import type { RuleSet } from '../../src/detect/strategy.js';

/** A rule set as Detect loads it: compiled from the JSON of its strategies. */
export function compiledRules({ version, strategies }: RuleSet): CompiledRules {
  const edit = CompiledRules.none.edit();
  for (const { id, version: own, ...body } of strategies) edit.apply({ id, version: own, body: JSON.stringify(body) });
  return edit.finish(version);
}

/** Puts a rule set in force without a pause. */
export function changeRules(fold: PartitionFold, rules: RuleSet, time: number, emit: EmitAlert): void {
  for (const _step of fold.changeRules(compiledRules(rules), time, emit));
}
