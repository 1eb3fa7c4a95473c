/** Reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY as curl, Go and Node do: in either case, the lower one first. */
import { UsageError } from '../../commands/command.ts';
import type { Environment } from '../../configuration/variable.ts';

/** Requests to this machine use no proxy, as in Go's programs. */
const DIRECT = ['localhost', '127.0.0.1', '::1'];

export interface Proxies {
  /** Both addresses may have a user and a password, so they are never shown. */
  readonly https: string | undefined;
  readonly http: string | undefined;
  /** Hosts that are reached without a proxy, separated by commas. */
  readonly except: string;
}

export const NO_PROXIES: Proxies = { https: undefined, http: undefined, except: '' };

/** @throws {UsageError} for an invalid address, which the sentence does not show */
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
  // An address without a scheme is http, as in curl.
  const url = URL.parse(address.includes('://') ? address : `http://${address}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(
      `the environment variable ${variable} is not the address of a proxy, such as http://proxy.example.com:3128. Correct it, or unset it.`,
    );
  }
  return url.href;
}
