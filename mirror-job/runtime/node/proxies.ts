/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as curl, Go and Node read them. Either case will do; the lower one comes first. */
import { UsageError } from '../../configuration/usage-error.ts';
import type { Environment } from '../../configuration/variable.ts';

/** This machine is never asked by way of another one; Go's programs, which the peers are, do the same. */
const DIRECT = ['localhost', '127.0.0.1', '::1'];

export interface Proxies {
  /** Addresses that may hold a user and a password: never to be shown. */
  readonly https: string | undefined;
  readonly http: string | undefined;
  /** Hosts that are asked directly, separated by commas. */
  readonly except: string;
}

export const NO_PROXIES: Proxies = { https: undefined, http: undefined, except: '' };

/** @throws {UsageError} for an address that is none; the sentence does not show it */
export function readProxies(environment: Environment): Proxies {
  const except =
    [environment['no_proxy'], environment['NO_PROXY']].find((value) => (value ?? '') !== '') ?? '';
  return {
    https: addressIn(environment, 'HTTPS_PROXY'),
    http: addressIn(environment, 'HTTP_PROXY'),
    except: [...(except === '' ? [] : [except]), ...DIRECT].join(','),
  };
}

function addressIn(environment: Environment, name: string): string | undefined {
  const lower = name.toLowerCase();
  const [variable = name, address = ''] =
    [lower, name].map((one) => [one, environment[one]]).find(([, value]) => (value ?? '') !== '') ?? [];
  if (address === '') return undefined;
  // curl takes one without a scheme as http.
  const url = URL.parse(address.includes('://') ? address : `http://${address}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(
      `the environment variable ${variable} is not the address of a proxy, such as http://proxy.example.com:3128. Correct it, or unset it.`,
    );
  }
  return url.href;
}
