import { TocsinError } from '../shared/errors.js';

const hours: Readonly<Record<string, number>> = { h: 1, d: 24, w: 168 };
const bytes: Readonly<Record<string, number>> = {
  '': 1,
  K: 1024,
  KiB: 1024,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

function parsed(option: string, text: string, units: Readonly<Record<string, number>>, example: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : units[unit];
  if (number === undefined || factor === undefined) throw new TocsinError('T6402', `${option} ${text}: must be a value such as ${example}`);
  return Number(number) * factor;
}

/** 72h, 7d, 2w as hours; -1 means unlimited. */
export const parseHours = (option: string, text: string): number =>
  text === '-1' ? -1 : Math.round(parsed(option, text, hours, '72h, 7d or -1 (unlimited)'));

/** 512MiB, 10G, 1048576 as bytes; -1 means unlimited. */
export const parseBytes = (option: string, text: string): number =>
  text === '-1' ? -1 : Math.round(parsed(option, text, bytes, '512MiB, 10GiB or 1048576'));

export function parseWhole(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new TocsinError('T6402', `${option} ${text}: must be an integer`);
  return Number(text);
}

/** Bytes in human-readable form. */
export function sizeText(value: number): string {
  if (value < 0) return 'unlimited';
  const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let power = 0;
  let rest = value;
  while (rest >= 1024 && power < unit.length - 1) {
    rest /= 1024;
    power++;
  }
  return `${rest >= 100 || Number.isInteger(rest) ? Math.round(rest) : rest.toFixed(1)} ${unit[power]}`;
}

/** Milliseconds in human-readable form. */
export function spanText(ms: number): string {
  if (ms < 0) return 'unlimited';
  if (ms % 86_400_000 === 0 && ms >= 2 * 86_400_000) return `${ms / 86_400_000} d`;
  if (ms >= 3_600_000) return `${Math.round(ms / 360_000) / 10} h`;
  return ms >= 60_000 ? `${Math.round(ms / 6000) / 10} min` : `${Math.round(ms / 100) / 10} s`;
}
