/** The prices that `lifeboat deploy` and docs/costs.md work with, in US dollars. Check them before you rely on them. */

/** When the prices were read, and where they have to be checked. */
export const SOURCES = {
  cloudflare: {
    read: '2026-11',
    pages: [
      'https://developers.cloudflare.com/workers/platform/pricing/',
      'https://developers.cloudflare.com/r2/pricing/',
      'https://developers.cloudflare.com/queues/platform/pricing/',
      'https://developers.cloudflare.com/workflows/reference/pricing/',
    ],
  },
  /** Prices of the region us-east-1, as a page about AWS's prices has them, and not AWS itself. */
  aws: { read: '2026-06', pages: ['https://aws.amazon.com/s3/pricing/'] },
} as const;

const MILLION = 1_000_000;

export const CLOUDFLARE = {
  paidPlan: 5,
  request: { included: 10 * MILLION, each: 0.3 / MILLION },
  cpuMs: { included: 30 * MILLION, each: 0.02 / MILLION },
  queueOperation: { included: MILLION, each: 0.4 / MILLION },
  /** R2's own free allowance (10 GB, a million writes, 10 million reads) is not deducted. */
  storedGb: 0.015,
  write: 4.5 / MILLION,
  read: 0.36 / MILLION,
} as const;

export const AWS = {
  storedGb: 0.023,
  write: 5 / MILLION,
  read: 0.4 / MILLION,
  /** Traffic to the internet, a month: each part up to `upToGb` has its own price. */
  traffic: [
    { upToGb: 100, each: 0 },
    { upToGb: 10_240, each: 0.09 },
    { upToGb: 51_200, each: 0.085 },
    { upToGb: 153_600, each: 0.07 },
    { upToGb: Infinity, each: 0.05 },
  ],
} as const;
