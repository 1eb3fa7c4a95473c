/** Computes what the job as a Worker costs at Cloudflare, from measured figures and published prices. Pure. */
import type { RequestClasses } from './requests.ts';

/** USD, as published in 2026: developers.cloudflare.com/workers/platform/pricing/ and /r2/pricing/. */
export const PRICES = {
  /** The paid plan, a month. It includes `includedCpuMs` and ten million requests. */
  plan: 5,
  includedCpuMs: 30_000_000,
  millionCpuMs: 0.02,
  millionClassA: 4.5,
  millionClassB: 0.36,
} as const;

/** 365 days of 24 hours, divided by 12. */
export const HOURS_A_MONTH = 730;

export interface Used {
  readonly cpuMs: number;
  readonly classes: RequestClasses;
}

export interface Cost {
  /** The CPU time as if the plan included none, so that nothing depends on what else the account does. */
  readonly cpu: number;
  readonly requests: number;
  readonly total: number;
  /** How much of the CPU time that the plan includes this takes. 1 is all of it. */
  readonly shareOfPlan: number;
}

/** @param used by one run @returns USD beside the plan's price, without storage */
export function costOf(used: Used, runs = 1): Cost {
  const millions = (count: number) => (count * runs) / 1_000_000;
  const cpu = millions(used.cpuMs) * PRICES.millionCpuMs;
  const requests =
    millions(used.classes.a) * PRICES.millionClassA + millions(used.classes.b) * PRICES.millionClassB;
  return { cpu, requests, total: cpu + requests, shareOfPlan: (used.cpuMs * runs) / PRICES.includedCpuMs };
}

/** @returns what a terabyte takes, if each byte takes as much as those that were measured */
export function perTerabyte({ cpuMs, classes }: Used, bytes: number): Used {
  const factor = 1e12 / bytes;
  return { cpuMs: cpuMs * factor, classes: { a: classes.a * factor, b: classes.b * factor } };
}
