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
  if (number === undefined || factor === undefined) throw new TocsinError('T6402', `${option} ${text}: write it like ${example}`);
  return Number(number) * factor;
}

/** 72h, 7d, 2w as hours; -1 is for ever. */
export const parseHours = (option: string, text: string): number =>
  text === '-1' ? -1 : Math.round(parsed(option, text, hours, '72h, 7d or -1 (for ever)'));

/** 512MiB, 10G, 1048576 as bytes; -1 is without limit. */
export const parseBytes = (option: string, text: string): number =>
  text === '-1' ? -1 : Math.round(parsed(option, text, bytes, '512MiB, 10GiB or 1048576'));

export function parseWhole(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new TocsinError('T6402', `${option} ${text}: must be a whole number`);
  return Number(text);
}

/** Bytes for people. */
export function sizeText(value: number): string {
  if (value < 0) return 'no limit';
  const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let power = 0;
  let rest = value;
  while (rest >= 1024 && power < unit.length - 1) {
    rest /= 1024;
    power++;
  }
  return `${rest >= 100 || Number.isInteger(rest) ? Math.round(rest) : rest.toFixed(1)} ${unit[power]}`;
}

/** Milliseconds for people. */
export function spanText(ms: number): string {
  if (ms < 0) return 'for ever';
  if (ms % 86_400_000 === 0 && ms >= 2 * 86_400_000) return `${ms / 86_400_000} d`;
  if (ms >= 3_600_000) return `${Math.round(ms / 360_000) / 10} h`;
  return ms >= 60_000 ? `${Math.round(ms / 6000) / 10} min` : `${Math.round(ms / 100) / 10} s`;
}
