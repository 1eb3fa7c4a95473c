/** Who may read what. Decided before anything is looked for, so that a refusal tells nothing of what exists. */
import { RegistryError } from '../../core/error.ts';
import type { RequestHeaders } from './request-headers.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { EdgeRequest } from './request.ts';
import { mayRead, type Token } from '../configuration/token.ts';

const encoder = new TextEncoder();

type Access = Pick<Configuration, 'audience' | 'tokens' | 'challenge'>;

/**
 * @returns the caller's token; undefined, and at once, where none is needed
 * @throws {RegistryError} DENIED; UNAUTHORIZED if the operator wants callers to be challenged
 */
export function authorise(
  request: EdgeRequest,
  caller: Pick<RequestHeaders, 'authorization'>,
  access: Access,
): undefined | Promise<Token> {
  // A static header that a client sends to a public edge is not looked at.
  if (access.audience === 'public' || request.kind === 'health') return undefined;
  return requireToken(request, caller, access);
}

async function requireToken(
  request: EdgeRequest,
  caller: Pick<RequestHeaders, 'authorization'>,
  access: Access,
): Promise<Token> {
  const token = await tokenOf(caller.authorization, access.tokens);
  if (token === undefined) {
    const message = 'This registry needs a token, and the request has none that it knows.';
    throw new RegistryError(access.challenge === 'basic' ? 'UNAUTHORIZED' : 'DENIED', message);
  }
  if ('name' in request && !mayRead(token, request.name.repository)) {
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
  // All are compared, whole: time says nothing of which one was near.
  let found: Token | undefined;
  for (const token of tokens) if (isEqual(token.hash, hash)) found = token;
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

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
