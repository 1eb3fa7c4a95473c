/** Opens sources under Node: registries by its own HTTP client, with the logins of docker and AWS, and layouts on the disk. */
import { credentialProvidersFor, type CredentialDependencies } from '../credentials/credential-providers.ts';
import { connect } from '../runtime/node/connection.ts';
import type { Proxies } from '../runtime/node/proxies.ts';
import { LayoutSource } from '../sources/layout/layout-source.ts';
import type { SourceOpeners } from './images.ts';

export interface NodeOpenerDependencies extends CredentialDependencies {
  readonly proxies: Proxies;
}

/** The openers throw {ConfigurationError} for a docker config.json that cannot be used. */
export function nodeOpeners(dependencies: NodeOpenerDependencies): SourceOpeners {
  const { proxies, signal } = dependencies;
  return {
    connect: (ca) => connect(ca, proxies),
    accountsOf: (upstream, configured) => credentialProvidersFor(upstream, configured, dependencies),
    openLayout: (folder, repository) => new LayoutSource(folder, repository, signal),
  };
}
