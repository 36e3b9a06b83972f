import { alertmanager } from './alertmanager.js';
import { bkMonitor } from './bk-monitor.js';
import { cloudevents } from './cloudevents.js';
import type { Format } from './format.js';
import { mapping } from './mapping-format.js';
import { prometheus } from './prometheus.js';
import { tocsin } from './tocsin.js';

/** Every format of a source by its name. A new format is a file here and a line in this table. */
export const formats = {
  tocsin,
  'bk-monitor': bkMonitor,
  prometheus,
  alertmanager,
  cloudevents,
  mapping,
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;
export const formatNames = Object.keys(formats) as [FormatName, ...FormatName[]];
