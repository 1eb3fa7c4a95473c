/** The sentence for an answer that helps nobody: who gave it, in which words, and what can be done. */
import { isObject, parseJson } from '../../../core/json.ts';
import { formatUpstream, isTag, type Upstream } from '../../../core/reference.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import { SourceError } from '../../engine/source.ts';
import type { Accounts } from './accounts.ts';
import type { HttpResponse } from './http-client.ts';
import { readWhole } from './body.ts';
import { parseChallenges } from './challenge.ts';
import { redirectedTo } from './redirected-response.ts';
import type { RegistryRequest } from './registry-request.ts';
import type { Secrets } from './secrets.ts';
import { ServerError } from './server-error.ts';
import { NAME_TAGS } from './tag-page.ts';
import { RETRYABLE_STATUSES, THROTTLING_STATUSES } from './statuses.ts';

/** An error's body is read for its message only. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_MESSAGE_LENGTH = 200;

/** The advice where a registry fails to say what refers to an image, with a space before it. */
export const WITHOUT_REFERRERS =
  ' If this goes on, have it mended there, or mirror the image without its referrers: set "referrers: false".';

interface Asked {
  readonly upstream: Upstream;
  readonly accounts: Accounts;
  readonly secrets: Secrets;
  /** Milliseconds that reading the answer may take. */
  readonly timeoutMs: number;
}

/** @param response its body is read, or discarded */
export async function refusalOf(
  request: RegistryRequest,
  response: HttpResponse,
  asked: Asked,
): Promise<SourceError> {
  const { upstream } = asked;
  const elsewhere = redirectedTo(response);
  const { status } = response;
  const who = elsewhere === undefined ? 'the registry' : `${elsewhere}, to which the registry redirects,`;
  const what = `${who} answered ${status} to ${request.method} ${request.resource}`;
  const said = await messageOf(request, response, asked);
  // What a storage says is of no account and no quota.
  const hint = elsewhere === undefined ? await hintFor(request, response, asked) : '';
  const hasFailed = status >= 500 && RETRYABLE_STATUSES.has(status) && !THROTTLING_STATUSES.has(status);
  const SentenceError = hasFailed ? ServerError : SourceError;
  return new SentenceError(
    `${formatUpstream(upstream)}/${request.path}: ${what}${said === undefined ? '.' : `: ${said}`}${hint}`,
  );
}

async function hintFor(
  request: RegistryRequest,
  { status, headers }: HttpResponse,
  asked: Asked,
): Promise<string> {
  const challenge = headers.get('WWW-Authenticate') ?? '';
  if (status === 401 && challenge !== '' && parseChallenges(challenge).length === 0) {
    return ` The registry asks for a login in a way that Lifeboat does not know (WWW-Authenticate: ${challenge.slice(0, 100)}).`;
  }
  // The tags may be readable where their list is not.
  const isList = /^tags\/list\b/.test(request.resource);
  const instead = isList ? NAME_TAGS : '';
  if (status === 401 || status === 403) {
    const condition = isList ? 'the list needs a login' : 'the image is private';
    return `${await whoIsNotAllowed(request.path, asked, condition)}${instead}`;
  }
  if (status === 405 || status === 501) return instead;
  if (status >= 500 && isAboutReferrers(request)) return WITHOUT_REFERRERS;
  return status === 429 ? ' Its rate limit is reached; later runs go on where this one stopped.' : '';
}

/** Whether the answer would have said what refers to an image, by the API or by a name derived from a digest. */
function isAboutReferrers({ resource }: RegistryRequest): boolean {
  const tag = /^manifests\/(.+)$/.exec(resource)?.[1];
  return resource.startsWith('referrers/') || (tag !== undefined && isTag(tag) && isReferrerTag(tag));
}

/** @param condition why a login may help, after "If" */
async function whoIsNotAllowed(
  path: string,
  { accounts, upstream }: Asked,
  condition: string,
): Promise<string> {
  if (accounts.count > 1) return " None of this upstream's accounts may read it.";
  const account = accounts.turn(path);
  const credential = await account.credential();
  return credential === undefined
    ? ` If ${condition}, configure upstreams["${formatUpstream(upstream)}"].credentials.`
    : ` The credentials ${credential.from} do not allow this request.${account.remedy}`;
}

/** The registry's own words, where it has any: one line, no longer than a sentence. */
async function messageOf(
  { method }: RegistryRequest,
  response: HttpResponse,
  { timeoutMs, secrets }: Asked,
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
