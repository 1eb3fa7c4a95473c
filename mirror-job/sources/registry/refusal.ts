/** Writes the sentence for a response that the caller does not want: who sent it, the server's own words, the next step. */
import { isObject, parseJson } from '../../../core/json.ts';
import { formatUpstream, isTag, type Upstream } from '../../../core/reference.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import { SourceError } from '../../engine/source.ts';
import type { Accounts } from './auth/accounts.ts';
import type { HttpResponse } from './http-client.ts';
import { readWhole } from './response/body.ts';
import { parseChallenges } from './auth/challenge.ts';
import { redirectedTo } from './response/redirected-response.ts';
import type { RegistryRequest } from './registry-request.ts';
import type { Secrets } from './secrets.ts';
import { ServerError } from './response/server-error.ts';
import { NAME_TAGS } from './response/tag-page.ts';
import { RETRYABLE_STATUSES, THROTTLING_STATUSES } from './response/statuses.ts';

/** An error's body is read only for its message. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_MESSAGE_LENGTH = 200;

/** The advice for a registry that fails to list an image's referrers, with a space before it. */
export const WITHOUT_REFERRERS =
  ' If this goes on, have it mended there, or mirror the image without its referrers: set "referrers: false".';

interface RefusalContext {
  readonly upstream: Upstream;
  readonly accounts: Accounts;
  readonly secrets: Secrets;
  /** The longest silence in the body. */
  readonly timeoutMs: number;
}

/** @param response its body is read or discarded here */
export async function refusalOf(
  request: RegistryRequest,
  response: HttpResponse,
  context: RefusalContext,
): Promise<SourceError> {
  const { upstream } = context;
  const elsewhere = redirectedTo(response);
  const { status } = response;
  const who = elsewhere === undefined ? 'the registry' : `${elsewhere}, to which the registry redirects,`;
  const what = `${who} answered ${status} to ${request.method} ${request.resource}`;
  const words = await messageOf(request, response, context);
  // A storage that the registry redirects to says nothing about accounts and quotas.
  const hint = elsewhere === undefined ? await hintFor(request, response, context) : '';
  const hasFailed = status >= 500 && RETRYABLE_STATUSES.has(status) && !THROTTLING_STATUSES.has(status);
  const SentenceError = hasFailed ? ServerError : SourceError;
  return new SentenceError(
    `${formatUpstream(upstream)}/${request.path}: ${what}${words === undefined ? '.' : `: ${words}`}${hint}`,
  );
}

async function hintFor(
  request: RegistryRequest,
  { status, headers }: HttpResponse,
  context: RefusalContext,
): Promise<string> {
  const challenge = headers.get('WWW-Authenticate') ?? '';
  if (status === 401 && challenge !== '' && parseChallenges(challenge).length === 0) {
    return ` The registry asks for a login in a way that Lifeboat does not know (WWW-Authenticate: ${challenge.slice(0, 100)}).`;
  }
  // Tags may be readable when their list is not.
  const isList = /^tags\/list\b/.test(request.resource);
  const instead = isList ? NAME_TAGS : '';
  if (status === 401 || status === 403) {
    const condition = isList ? 'the list needs a login' : 'the image is private';
    return `${await whoIsNotAllowed(request.path, context, condition)}${instead}`;
  }
  if (status === 405 || status === 501) return instead;
  if (status >= 500 && isAboutReferrers(request)) return WITHOUT_REFERRERS;
  return status === 429 ? ' Its rate limit is reached; later runs go on where this one stopped.' : '';
}

/** Whether the request was for referrers, by the API or by a tag whose name is derived from a digest. */
function isAboutReferrers({ resource }: RegistryRequest): boolean {
  const tag = /^manifests\/(.+)$/.exec(resource)?.[1];
  return resource.startsWith('referrers/') || (tag !== undefined && isTag(tag) && isReferrerTag(tag));
}

/** @param condition the reason why a login may help, after "If" */
async function whoIsNotAllowed(
  path: string,
  { accounts, upstream }: RefusalContext,
  condition: string,
): Promise<string> {
  if (accounts.count > 1) return " None of this upstream's accounts may read it.";
  const account = accounts.turn(path);
  const credential = await account.credential();
  return credential === undefined
    ? ` If ${condition}, configure upstreams["${formatUpstream(upstream)}"].credentials.`
    : ` The credentials ${credential.from} do not allow this request.${account.remedy}`;
}

/** The registry's own words in one line of bounded length; undefined when there are none. */
async function messageOf(
  { method }: RegistryRequest,
  response: HttpResponse,
  { timeoutMs, secrets }: RefusalContext,
): Promise<string | undefined> {
  if (method === 'HEAD') {
    response.discard();
    return undefined;
  }
  try {
    const json = parseJson(await readWhole(response, MAX_ERROR_BYTES, timeoutMs, 'the error'));
    const errors: unknown = isObject(json) ? json['errors'] : undefined;
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    const message = isObject(first) ? (first['message'] ?? first['code']) : undefined;
    if (typeof message !== 'string') return undefined;
    const line = secrets
      .hide(message)
      .replaceAll(/[\s\p{Cc}]+/gu, ' ')
      .trim()
      .slice(0, MAX_MESSAGE_LENGTH);
    if (line === '') return undefined;
    return /[.!?]$/.test(line) ? `"${line}"` : `"${line}".`;
  } catch {
    return undefined;
  }
}
