/** Finds the accounts of an upstream: in the configuration, else from `docker login`, else from AWS. */
import { formatUpstream, hostOf, type Upstream } from '../../core/reference.ts';
import type { Clock } from '../engine/runtime.ts';
import { SourceError } from '../engine/source.ts';
import type { Agents } from '../runtime/node/agents.ts';
import type { Credential, CredentialProvider, Password } from '../sources/registry/registry-options.ts';
import { configuredAccounts } from './configured-accounts.ts';
import { askHelper, HelperError, HELPER_TIMEOUT_MS } from './credential-helper.ts';
import { serverOf, type DockerConfig } from './docker-config.ts';
import { askEcr, ecrRegistry } from './ecr.ts';
import { cachedCredentialProvider } from './cached-credential-provider.ts';

/** A helper's answer is cached this long, because some give credentials that last an hour, and do not say so. */
const HELPER_CACHE_MS = 10 * 60_000;

export interface CredentialDependencies {
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal;
  /** Called only for an upstream that has no account in the configuration. */
  readonly dockerConfigs: () => Promise<readonly DockerConfig[]>;
  /** The connections of the AWS SDK. */
  readonly agents: Agents;
}

/**
 * Asks neither a helper nor AWS yet: the providers do so when a request needs a credential.
 * @param configured `upstreams.<host>.credentials`; an empty list means that requests are anonymous
 * @throws {ConfigurationError} for a docker config.json that cannot be used
 */
export async function credentialProvidersFor(
  upstream: Upstream,
  configured: readonly Password[] | undefined,
  dependencies: CredentialDependencies,
): Promise<readonly CredentialProvider[]> {
  if (configured !== undefined) return configuredAccounts(upstream, configured);
  const candidates: CredentialProvider[] = [];
  const logouts: string[] = [];
  for (const config of await dependencies.dockerConfigs()) {
    const helper = config.helperFor(upstream);
    if (helper !== undefined) candidates.push(helperAccount(helper, config.file, upstream, dependencies));
    const stored = config.credentialFor(upstream);
    if (stored !== undefined) candidates.push(async () => stored);
    if (helper !== undefined || stored !== undefined) logouts.push(config.logoutFor(upstream));
  }
  const ecr = ecrRegistry(upstream);
  if (ecr !== undefined) {
    const { clock, agents, signal } = dependencies;
    candidates.push(
      cachedCredentialProvider(clock, () => askEcr(upstream, ecr, agents, clock.now(), { signal })),
    );
  }
  if (candidates.length === 0) return [];
  const remedy = remedyFor(upstream, logouts[0]);
  return [Object.assign(() => firstOf(candidates), { remedy })];
}

/** The advice for a login that is not in the configuration, because few people think of it when a public image fails. */
function remedyFor(upstream: Upstream, logout: string | undefined): string {
  const end = logout === undefined ? '' : `remove the login ("${logout}"), or `;
  return `If everybody may read the image, ${end}set upstreams["${formatUpstream(upstream)}"].credentials to [], which asks without a login.`;
}

/** Returns the first credential, because the candidates are places to look in, not accounts to try in turn. */
async function firstOf(candidates: readonly CredentialProvider[]): Promise<Credential | undefined> {
  for (const candidate of candidates) {
    const credential = await candidate();
    if (credential !== undefined) return credential;
  }
  return undefined;
}

function helperAccount(
  helper: string,
  file: string,
  upstream: Upstream,
  { clock, signal }: CredentialDependencies,
): CredentialProvider {
  return cachedCredentialProvider(clock, async () => {
    const server = serverOf(upstream);
    try {
      const found = await askHelper(helper, server, { timeoutMs: HELPER_TIMEOUT_MS, signal });
      const credential =
        found === undefined ? undefined : { ...found, from: `that docker-credential-${helper} gave` };
      return { credential, untilMs: clock.now().getTime() + HELPER_CACHE_MS };
    } catch (error) {
      if (!(error instanceof HelperError)) throw error;
      const host = upstream === 'docker.io' ? upstream : hostOf(upstream);
      throw new SourceError(
        `docker-credential-${helper}, which ${file} names for ${host}, ${error.message}. Try it with: echo ${server} | docker-credential-${helper} get. To do without the helper, configure upstreams["${host}"].credentials; an empty list asks anonymously.`,
      );
    }
  });
}
