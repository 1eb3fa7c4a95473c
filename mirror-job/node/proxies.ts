/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as curl, Go and Node read them. Either case will do; the lower one comes first. */
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { UsageError } from '../command.ts';
import type { Environment } from '../configuration/variable.ts';
import { http, https } from './http.ts';

/** This machine is never asked by way of another one; Go's programs, which the peers are, do the same. */
const DIRECT = ['localhost', '127.0.0.1', '::1'];
/** As many connections to a store as the AWS SDK opens by itself. */
const MAX_SOCKETS = 50;

export interface Proxies {
  /** Addresses that may hold a user and a password: never to be shown. */
  readonly https: string | undefined;
  readonly http: string | undefined;
  /** Hosts that are asked directly, separated by commas. */
  readonly except: string;
}

/** What the AWS SDK's clients connect with; empty: their own. */
export interface AwsConnection {
  readonly httpAgent?: HttpAgent;
  readonly httpsAgent?: HttpsAgent;
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

/** How the AWS SDK connects: through the proxy, where there is one. */
export function awsConnection({ except, ...proxies }: Proxies): AwsConnection {
  if (proxies.https === undefined && proxies.http === undefined) return {};
  const proxyEnv = {
    NO_PROXY: except,
    ...(proxies.https !== undefined && { HTTPS_PROXY: proxies.https }),
    ...(proxies.http !== undefined && { HTTP_PROXY: proxies.http }),
  };
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS, proxyEnv };
  return { httpAgent: new http.Agent(options), httpsAgent: new https.Agent(options) };
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
