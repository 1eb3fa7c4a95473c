/** Sends messages and pings to one address of `notify`. */
import type { NotifyTarget, PingUrls } from '../configuration/configuration.ts';
import { deliver, type Delivery, type DeliveryTools } from './delivery.ts';
import { formatJsonMessage } from './formats/json.ts';
import { formatSlackMessage } from './formats/slack.ts';
import { formatTeamsMessage } from './formats/teams.ts';
import type { Message } from './message.ts';
import { fingerprint, webhookHeaders } from './signature.ts';

const FORMATS = {
  json: formatJsonMessage,
  slack: formatSlackMessage,
  teams: formatTeamsMessage,
} as const satisfies Record<NotifyTarget['format'], (message: Message) => unknown>;

/** The name under which the memory has an address: the address itself may be a secret. */
export function addressId({ url = '' }: Pick<NotifyTarget, 'url'>): Promise<string> {
  return fingerprint(`lifeboat notify: ${url}`);
}

/**
 * @param about the same for a message that is sent again, also by a step that is repeated, so that it has the same id
 * @returns undefined if the address takes no messages
 */
export async function sendMessage(
  target: NotifyTarget,
  message: Message,
  about: string,
  tools: DeliveryTools,
): Promise<Delivery | undefined> {
  const { url, format, secret } = target;
  if (url === undefined) return undefined;
  const id = `msg_${await fingerprint(`${message.mirror} ${about} ${url}`)}`;
  const body = JSON.stringify(FORMATS[format](message));
  const headers = (at: Date) => webhookHeaders(id, at, body, secret);
  return deliver({ method: 'POST', url, body, headers }, tools);
}

/** @returns undefined if the address has no such ping */
export async function sendPing(
  { ping }: Pick<NotifyTarget, 'ping'>,
  signal: keyof PingUrls,
  tools: DeliveryTools,
): Promise<Delivery | undefined> {
  const url = ping[signal];
  return url === undefined ? undefined : deliver({ method: 'GET', url }, tools);
}
