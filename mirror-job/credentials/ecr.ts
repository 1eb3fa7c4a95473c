/**
 * Amazon ECR: its registries take a password that AWS gives for twelve hours to whoever has an AWS credential.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
 */
import type { Upstream } from '../../core/reference.ts';
import { SourceError } from '../engine/source.ts';
import type { Agents } from '../runtime/node/agents.ts';
import type { CredentialLease } from './cached-credential-provider.ts';

/** The credential is renewed so many milliseconds before it ends. */
const RENEWAL_MARGIN_MS = 10 * 60_000;
/** AWS says when each one ends; one that does not say is asked for again soon. Milliseconds. */
const DEFAULT_LIFETIME_MS = 60 * 60_000;

/** Amazon's own domains only: whoever answers there is given a password. */
const HOST =
  /^(?<account>\d{12})\.dkr[.-]ecr(?<fips>-fips)?\.(?<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)$/;

export interface EcrRegistry {
  readonly region: string;
  readonly fips: boolean;
}

const ECR_TIMEOUT_MS = 30_000;

/** @returns undefined for what is no private ECR registry */
export function ecrRegistry(upstream: Upstream): EcrRegistry | undefined {
  const { region, fips } = HOST.exec(upstream)?.groups ?? {};
  return region === undefined ? undefined : { region, fips: fips !== undefined };
}

/**
 * Asks AWS for a password, with the AWS SDK's own credential chain.
 * @param agents how the SDK connects; lent, so that the client is not destroyed, which would end all their connections
 * @param limits the run's signal, and how long it may take in all: the SDK itself would wait for ever. Milliseconds
 * @throws {SourceError}
 */
export async function askEcr(
  upstream: Upstream,
  { region, fips }: EcrRegistry,
  agents: Agents,
  now: Date,
  { signal, timeoutMs = ECR_TIMEOUT_MS }: { readonly signal: AbortSignal; readonly timeoutMs?: number },
): Promise<CredentialLease> {
  // Loaded only where an image comes from there.
  const { ECRClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
  const client = new ECRClient({ region, useFipsEndpoint: fips, requestHandler: agents });
  try {
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}), { abortSignal });
    const { authorizationToken = '', expiresAt } = authorizationData?.[0] ?? {};
    const plain = Buffer.from(authorizationToken, 'base64').toString('utf8');
    const colon = plain.indexOf(':');
    if (colon < 1) throw new Error('NoToken');
    return {
      credential: {
        username: plain.slice(0, colon),
        password: plain.slice(colon + 1),
        from: 'that AWS gave for this registry',
      },
      until: (expiresAt?.getTime() ?? now.getTime() + DEFAULT_LIFETIME_MS) - RENEWAL_MARGIN_MS,
    };
  } catch (error) {
    // The SDK's message may hold parts of the signed request; its name says enough.
    const reason = error instanceof Error ? error.name : 'unknown';
    throw new SourceError(
      `AWS gave no password for ${upstream} (${reason}). Give this process AWS credentials that allow ecr:GetAuthorizationToken in ${region}, or configure upstreams["${upstream}"].credentials.`,
      { cause: error },
    );
  }
}
