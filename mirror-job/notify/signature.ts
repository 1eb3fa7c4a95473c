/**
 * The headers of Standard Webhooks: an id that stays while a message is sent again, the time of the attempt, and a signature.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
import { fromBase64, toBase64 } from '../../core/base64.ts';
import { SECRET_PREFIX } from '../configuration/notify.ts';

const encoder = new TextEncoder();

/** @param secret `whsec_` and base64; undefined for a message that is not signed */
export async function webhookHeaders(
  id: string,
  at: Date,
  body: string,
  secret: string | undefined,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (secret === undefined) return headers;
  const bytes = fromBase64(secret.slice(SECRET_PREFIX.length));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = await crypto.subtle.sign('HMAC', key, encoder.encode(`${id}.${timestamp}.${body}`));
  return { ...headers, 'webhook-signature': `v1,${toBase64(new Uint8Array(signature))}` };
}

/** A short name for something, of which it tells nothing. */
export async function fingerprint(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
  return Array.from(hash.subarray(0, 12), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
