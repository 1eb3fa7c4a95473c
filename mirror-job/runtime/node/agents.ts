/** Agents keep connections for the next request. Node's HTTP client and the AWS SDK take the same agents. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions } from 'node:https';
import { NO_PROXIES, type Proxies } from './proxies.ts';

export interface Agents {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
}

/**
 * Makes agents that connect by way of the proxies.
 * @param options for both agents; TLS options have no effect on plain HTTP
 */
export function createAgents(proxies: Proxies = NO_PROXIES, options: AgentOptions = {}): Agents {
  const all = { keepAlive: true, ...options, ...proxyOptions(proxies) };
  return { httpAgent: new HttpAgent(all), httpsAgent: new HttpsAgent(all) };
}

function proxyOptions(proxies: Proxies): AgentOptions {
  if (proxies.https === undefined && proxies.http === undefined) return {};
  return {
    proxyEnv: {
      NO_PROXY: proxies.except,
      ...(proxies.https !== undefined && { HTTPS_PROXY: proxies.https }),
      ...(proxies.http !== undefined && { HTTP_PROXY: proxies.http }),
    },
  };
}

/** The most connections to one store. The AWS SDK opens as many by default. */
const MAX_STORE_SOCKETS = 50;

/** Makes the agents for a store, and for AWS. */
export function createStoreAgents(proxies: Proxies = NO_PROXIES): Agents {
  return createAgents(proxies, { maxSockets: MAX_STORE_SOCKETS });
}
