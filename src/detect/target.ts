import { type Dimensions, dimensionText } from './conditions.js';

export interface AlertTarget {
  readonly target_type: string;
  readonly target: string;
}

/** In order of precedence; each returns the target, empty or undefined when a dimension that it needs is empty. */
const rules: readonly (readonly [string, (text: (name: string) => string) => string | undefined])[] = [
  ['HOST', (text) => text('bk_host_id')],
  ['HOST', (text) => at(text('bk_target_ip'), text('bk_target_cloud_id') || text('bk_cloud_id'))],
  ['HOST', (text) => at(text('ip'), text('bk_cloud_id'))],
  ['SERVICE', (text) => text('bk_target_service_instance_id') || text('bk_service_instance_id')],
  ['TOPO', (text) => text('bk_obj_id') && text('bk_inst_id') && `${text('bk_obj_id')}|${text('bk_inst_id')}`],
];

/** The target of an alert, derived from its dimensions: type and id as in the CMDB, both empty when the dimensions name none. */
export function targetOf(dimensions: Dimensions): AlertTarget {
  for (const [target_type, rule] of rules) {
    const target = rule((name) => dimensionText(dimensions, name));
    if (target) return { target_type, target };
  }
  return { target_type: '', target: '' };
}

const at = (ip: string, cloud: string): string => (ip && cloud ? `${ip}|${cloud}` : ip);
