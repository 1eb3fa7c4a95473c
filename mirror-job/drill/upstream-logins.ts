/** Whether an upstream is known to want a login, by its name and by the configuration. No registry is asked. */
import type { UpstreamLogin } from '../../cluster/drill/observation.ts';
import type { Upstream } from '../../core/reference.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { ecrRegistry } from '../credentials/ecr.ts';

/** Azure gives tokens for three hours, Google for one. Both also have passwords that last; a name does not tell them apart. */
const SHORT_LIVED = [/\.azurecr\.(?:io|cn|us)$/, /^[a-z0-9-]+-docker\.pkg\.dev$/, /^(?:[a-z]+\.)?gcr\.io$/];

/**
 * @returns undefined if nothing says that the upstream wants a login. It may want one nevertheless: logins that the job finds
 *   outside of lifeboat.yaml are not looked at
 */
export function loginOf(
  upstream: Upstream,
  upstreams: Configuration['upstreams'],
): UpstreamLogin | undefined {
  if (ecrRegistry(upstream) !== undefined) return 'short-lived';
  // gcr.io and its kind have public images too, for which a configured empty list asks without a login.
  const credentials = upstreams.get(upstream)?.credentials;
  if (credentials?.length === 0) return undefined;
  if (SHORT_LIVED.some((pattern) => pattern.test(upstream))) return 'short-lived';
  return credentials === undefined ? undefined : 'configured';
}
