/**
 * Verifies a message as the specification of Standard Webhooks says, by Node's own cryptography and with nothing of the job's.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Received } from './receiver.ts';

/** The largest difference that a receiver should accept between the time of an attempt and its own. */
const TOLERANCE_SECONDS = 5 * 60;

/** @returns why a receiver refuses it; undefined for a message that is genuine */
export function refusalOf({ headers, body }: Received, secret: string, now = new Date()): string | undefined {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') {
    return 'a header is missing';
  }
  if (!/^\d+$/.test(timestamp) || Math.abs(now.getTime() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    return 'it is too old';
  }
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  const isGenuine = signatures.split(' ').some((one) => {
    const [version, signature = ''] = one.split(',');
    const bytes = Buffer.from(signature, 'base64');
    return version === 'v1' && bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
  return isGenuine ? undefined : 'the signature is wrong';
}
