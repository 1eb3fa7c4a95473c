/** Writes how long ago something was. */
import { countOf } from '../engine/support/count-of.ts';

/** `3 hours ago (2026-01-31 23:59Z)` */
export function ageText(time: string, now: string): string {
  const age = agoText(time, now);
  return `${age === IN_FUTURE ? `${age}, by this machine's clock` : age} (${minuteOf(time)})`;
}

const IN_FUTURE = 'in the future';

/** `3 hours ago` */
export function agoText(time: string, now: string): string {
  const minutes = Math.floor((Date.parse(now) - Date.parse(time)) / 60_000);
  if (minutes < 0) return IN_FUTURE;
  if (minutes < 1) return 'just now';
  if (minutes < 120) return `${countOf(minutes, 'minute')} ago`;
  if (minutes < 48 * 60) return `${countOf(Math.floor(minutes / 60), 'hour')} ago`;
  return `${countOf(Math.floor(minutes / 1440), 'day')} ago`;
}

export function minuteOf(time: string): string {
  return time.replace('T', ' ').replace(/:\d\d\.\d+Z$/, 'Z');
}
