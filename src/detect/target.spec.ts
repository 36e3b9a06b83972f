import { targetOf } from './target.js';

const cases: [dimensions: Record<string, string>, type: string, target: string][] = [
  [{ bk_host_id: '7', bk_target_ip: '10.0.0.1' }, 'HOST', '7'],
  [{ bk_target_ip: '10.0.0.1', bk_target_cloud_id: '0', bk_cloud_id: '3' }, 'HOST', '10.0.0.1|0'],
  [{ bk_target_ip: '10.0.0.1', bk_cloud_id: '3' }, 'HOST', '10.0.0.1|3'],
  [{ bk_target_ip: '10.0.0.1' }, 'HOST', '10.0.0.1'],
  [{ ip: '10.0.0.1', bk_cloud_id: '0' }, 'HOST', '10.0.0.1|0'],
  [{ ip: '10.0.0.1', bk_target_cloud_id: '5' }, 'HOST', '10.0.0.1'],
  [{ bk_target_service_instance_id: '9', bk_service_instance_id: '8' }, 'SERVICE', '9'],
  [{ bk_service_instance_id: '8', bk_obj_id: 'set', bk_inst_id: '13' }, 'SERVICE', '8'],
  [{ bk_obj_id: 'set', bk_inst_id: '13' }, 'TOPO', 'set|13'],
  [{ bk_obj_id: 'set' }, '', ''],
  [{ bk_target_ip: '', bk_cloud_id: '0' }, '', ''],
  [{ host: 'web-1' }, '', ''],
];

describe('the target of an alert', () => {
  it.each(cases)('of %j is %s %s', (dimensions, target_type, target) => {
    expect(targetOf(dimensions)).toEqual({ target_type, target });
  });
});
