/**
 * Reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY as curl, Go and Node do: in lower or upper case, and the lower case counts
 * first.
 */

/** Requests to this machine use no proxy, as in Go's programs. */
const DIRECT = ['localhost', '127.0.0.1', '::1'];

export interface Proxies {
  /** An address that may hold a user and a password, so it must never be shown. */
  readonly https: string | undefined;
  /** The proxy for plain HTTP, with the same care as `https`. */
  readonly http: string | undefined;
  /** Hosts that are reached without a proxy, separated by commas. */
  readonly except: string;
}

export const NO_PROXIES: Proxies = { https: undefined, http: undefined, except: '' };

/**
 * The value of a variable is not the address of a proxy. The message names the variable, and does not show its value.
 */
export class ProxyAddressError extends Error {
  override readonly name = 'ProxyAddressError';
}

/** @throws {ProxyAddressError} */
export function readProxies(environment: NodeJS.ProcessEnv): Proxies {
  const except =
    [environment['no_proxy'], environment['NO_PROXY']].find((value) => (value ?? '') !== '') ?? '';
  return {
    https: addressIn(environment, 'HTTPS_PROXY'),
    http: addressIn(environment, 'HTTP_PROXY'),
    except: [...(except === '' ? [] : [except]), ...DIRECT].join(','),
  };
}

function addressIn(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const lower = name.toLowerCase();
  const [variable = name, address = ''] =
    [lower, name].map((one) => [one, environment[one]]).find(([, value]) => (value ?? '') !== '') ?? [];
  if (address === '') return undefined;
  // An address without a scheme is http, as in curl.
  const url = URL.parse(address.includes('://') ? address : `http://${address}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ProxyAddressError(
      `the environment variable ${variable} is not the address of a proxy, such as http://proxy.example.com:3128. Correct it, or unset it.`,
    );
  }
  return url.href;
}
