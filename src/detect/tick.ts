/** The record of a tick: time (epoch ms) and version of the rule set. */
export function tickRecord(rulesVersion: number, now: number): string {
  return JSON.stringify({
    event_id: `tick-${now}`,
    event_type: 'tick',
    bk_biz_id: '0',
    event_source: 'tocsin',
    timestamp: now,
    raw_data: { rules_version: rulesVersion },
  });
}
