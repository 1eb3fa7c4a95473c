const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `30s`, `24h`, `7d` in milliseconds; undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const known = Object.entries(UNITS).find(([name]) => name === unit);
  return known === undefined ? undefined : Number(amount) * known[1];
}
