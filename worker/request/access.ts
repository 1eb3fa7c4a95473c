/** Decides who may read which repository, before any read, so that a refusal does not tell what exists. */
import { RegistryError } from '../../core/error.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { mayRead, type Token } from '../configuration/token.ts';
import type { RequestHeaders } from './request-headers.ts';
import type { EdgeRequest } from './request.ts';

const encoder = new TextEncoder();

/** The answers to these requests tell nothing about the content of the bucket. */
const OPEN_KINDS: ReadonlySet<EdgeRequest['kind']> = new Set(['asset', 'health', 'life']);

type Access = Pick<Configuration, 'audience' | 'tokens' | 'challenge'>;

/**
 * @returns the token that the request has; undefined if it needs none
 * @throws {RegistryError} DENIED; UNAUTHORIZED instead for a missing token if the operator wants a challenge
 */
export async function authorise(
  request: EdgeRequest,
  headers: Pick<RequestHeaders, 'authorization'>,
  access: Access,
): Promise<Token | undefined> {
  // A public edge ignores the header, because clients may send one to every registry.
  if (access.audience === 'public' || OPEN_KINDS.has(request.kind)) return undefined;
  const token = await tokenOf(headers.authorization, access.tokens);
  if (token === undefined) {
    const message = 'This registry needs a token, and the request has none that it knows.';
    throw new RegistryError(access.challenge === 'basic' ? 'UNAUTHORIZED' : 'DENIED', message);
  }
  // The image of a probe tells nothing, and each node has to be able to pull it.
  if ('name' in request && request.kind !== 'probe' && !mayRead(token, request.name.repository)) {
    throw new RegistryError('DENIED', 'This token may not read this repository.');
  }
  return token;
}

async function tokenOf(
  authorization: string | undefined,
  tokens: readonly Token[],
): Promise<Token | undefined> {
  const secret = secretOf(authorization);
  if (secret === undefined) return undefined;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(secret)));
  // All hashes are compared to their end, so that the time does not tell how much of one matches.
  let found: Token | undefined;
  for (const token of tokens) if (isEqualInConstantTime(token.hash, hash)) found = token;
  return found;
}

/** `Bearer <token>`, or `Basic` with the token as the password and any user. */
function secretOf(authorization: string | undefined): string | undefined {
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+)$/.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return credentials;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  let pair: string;
  try {
    pair = atob(credentials);
  } catch {
    return undefined;
  }
  const colon = pair.indexOf(':');
  return colon === -1 ? undefined : pair.slice(colon + 1);
}

/** `isEqual` of core/bytes.ts stops at the first difference, which must not show here. */
function isEqualInConstantTime(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
