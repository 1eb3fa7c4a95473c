/** Questions about one reply that several checks ask. */
import { isObject } from '../../core/json.ts';
import { bareMediaType } from '../../core/media-type.ts';
import type { Check } from './finding.ts';
import type { Answer, Failure, Reply } from './observation.ts';

/** The checks of mistakes that any answer can show. Only one of them names the mistake, and the others skip the answer. */
export type Fault = Extract<
  Check,
  'throttled' | 'html' | 'redirected' | 'server-error' | 'unanswered' | 'unavailable'
>;

/** @returns the mistake that makes the reply useless for other checks; undefined for a reply that can be judged */
export function faultOf(reply: Reply): Fault | undefined {
  if (reply.kind === 'failure') return 'unanswered';
  const { status } = reply;
  if (status === 429) return 'throttled';
  if (status >= 300 && status < 400) return 'redirected';
  if (status >= 500) return errorOf(reply)?.code === 'UNAVAILABLE' ? 'unavailable' : 'server-error';
  if (status < 300 && isHtml(reply)) return 'html';
  return reply.body.isWhole ? undefined : 'unanswered';
}

export function isUsable(reply: Reply | undefined): reply is Answer {
  return reply !== undefined && faultOf(reply) === undefined;
}

export function isSuccess(reply: Reply | undefined): reply is Answer {
  return isUsable(reply) && reply.status === 200;
}

/** Whether the caller may not read it, which is a matter of tokens. */
export function isRefusal(reply: Reply): boolean {
  return reply.kind === 'answer' && (reply.status === 401 || reply.status === 403);
}

export function isHtml({ headers, body }: Answer): boolean {
  return mediaTypeOf(headers) === 'text/html' || /^\s*<(?:!doctype html|html)/i.test(body.start);
}

export function mediaTypeOf(headers: Answer['headers']): string {
  return bareMediaType(headers['content-type'] ?? '');
}

/** The first error of a registry's answer; undefined if the body is not in a registry's form. */
export function errorOf({ body }: Answer): { readonly code: string; readonly message: string } | undefined {
  const json = jsonOf(body.start);
  const [error] = isObject(json) && Array.isArray(json['errors']) ? json['errors'] : [];
  if (!isObject(error) || typeof error['code'] !== 'string') return undefined;
  const message = typeof error['message'] === 'string' ? error['message'] : '';
  return { code: error['code'], message };
}

/** @returns undefined for a text that is not JSON */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const REASONS = {
  dns: 'its name is not known in the DNS',
  refused: 'nothing listens there',
  silent: 'it did not answer in time',
  closed: 'it closed the connection without an answer',
  certificate: 'its certificate is not accepted',
  other: 'the request failed',
} as const satisfies Record<Failure['reason'], string>;

/** The reason without a subject's name: `nothing listens there (ECONNREFUSED)`. */
export function describeFailure({ reason, detail }: Pick<Failure, 'reason' | 'detail'>): string {
  return detail === '' ? REASONS[reason] : `${REASONS[reason]} (${detail})`;
}

/** The answer as a predicate: `got 404 MANIFEST_UNKNOWN`. */
export function describeReply(reply: Reply): string {
  if (reply.kind === 'failure') return `got no answer: ${describeFailure(reply)}`;
  const code = errorOf(reply)?.code;
  return `got ${reply.status}${code === undefined ? '' : ` ${code}`}${isHtml(reply) ? ' and an HTML page' : ''}`;
}

/** Names the first of the replies, and how many others there are. */
export function listAsked(replies: readonly Reply[]): string {
  const [first] = replies;
  const others = replies.length - 1;
  return `${first?.asked ?? ''}${others > 0 ? ` and ${others} other${others === 1 ? '' : 's'}` : ''}`;
}
