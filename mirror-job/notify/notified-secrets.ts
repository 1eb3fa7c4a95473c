/** Hides the configuration's secrets in messages. Nothing puts them there, but a server may repeat what it was sent. */
import type { Configuration } from '../configuration/configuration.ts';
import { Secrets } from '../sources/registry/secrets.ts';

export type Confidential = Pick<Configuration, 'store' | 'laterStores' | 'stateKey' | 'upstreams' | 'notify'>;

export function secretsIn({ store, laterStores, stateKey, upstreams, notify }: Confidential): Secrets {
  const secrets = new Secrets();
  const texts = [
    ...[store, ...laterStores].map(({ credentials }) => credentials?.secretAccessKey),
    stateKey,
    ...notify.flatMap(({ url, secret, ping }) => [url, secret, ...Object.values(ping)]),
  ];
  for (const text of texts) if (text !== undefined) secrets.add(text);
  for (const { credentials = [] } of upstreams.values()) for (const one of credentials) secrets.basic(one);
  return secrets;
}
