/**
 * Gets passwords for Amazon ECR. AWS gives a password for twelve hours to every caller that has an AWS credential.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
 */
import type { Upstream } from '../../core/reference.ts';
import { SourceError } from '../engine/source.ts';
import type { Agents } from '../runtime/node/agents.ts';
import type { CredentialLease } from './cached-credential-provider.ts';

/** The password is renewed this long before it ends. */
const RENEWAL_MARGIN_MS = 10 * 60_000;
/** The lifetime of a password whose end AWS does not say. */
const DEFAULT_LIFETIME_MS = 60 * 60_000;

/** The pattern takes only Amazon's own domains, because the host gets a password. */
const HOST =
  /^(?<account>\d{12})\.dkr[.-]ecr(?<fips>-fips)?\.(?<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)$/;

export interface EcrRegistry {
  readonly region: string;
  readonly fips: boolean;
}

const ECR_TIMEOUT_MS = 30_000;

/** @returns undefined for an upstream that is no private ECR registry */
export function ecrRegistry(upstream: Upstream): EcrRegistry | undefined {
  const { region, fips } = HOST.exec(upstream)?.groups ?? {};
  return region === undefined ? undefined : { region, fips: fips !== undefined };
}

/**
 * Asks AWS for a password, with the AWS SDK's own credential chain.
 * @param agents the SDK's connections. The client is never destroyed, because that would end these connections for all
 * @param limits the run's signal and a time-out for the whole request, because the SDK itself would wait for ever
 * @throws {SourceError}
 */
export async function askEcr(
  upstream: Upstream,
  { region, fips }: EcrRegistry,
  agents: Agents,
  now: Date,
  { signal, timeoutMs = ECR_TIMEOUT_MS }: { readonly signal: AbortSignal; readonly timeoutMs?: number },
): Promise<CredentialLease> {
  // The SDK is loaded only when an image comes from ECR, because it takes long to load.
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
      untilMs: (expiresAt?.getTime() ?? now.getTime() + DEFAULT_LIFETIME_MS) - RENEWAL_MARGIN_MS,
    };
  } catch (error) {
    // The error's name says enough. Its message may have parts of the signed request.
    const reason = error instanceof Error ? error.name : 'unknown';
    throw new SourceError(
      `AWS gave no password for ${upstream} (${reason}). Give this process AWS credentials that allow ecr:GetAuthorizationToken in ${region}, or configure upstreams["${upstream}"].credentials.`,
      { cause: error },
    );
  }
}
