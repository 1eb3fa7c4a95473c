/** The accounts of an upstream that the configuration has. */
import { formatUpstream, type Upstream } from '../../core/reference.ts';
import type { Credential, CredentialProvider, Password } from '../sources/registry/registry-options.ts';

/** @param passwords `upstreams.<host>.credentials`; empty if requests are anonymous */
export function configuredAccounts(
  upstream: Upstream,
  passwords: readonly Password[],
): readonly CredentialProvider[] {
  return passwords.map((password, index) => {
    const isOnly = passwords.length === 1;
    const which = isOnly ? '' : ` as credentials[${index}]`;
    const credential: Credential = { ...password, from: `configured for this upstream${which}` };
    const key = `upstreams["${formatUpstream(upstream)}"].credentials`;
    const remedy = isOnly
      ? `Correct ${key}, or, if everybody may read the image, set it to [], which asks without a login.`
      : `Correct ${key}[${index}], or take it out.`;
    return Object.assign(async () => credential, { remedy });
  });
}
