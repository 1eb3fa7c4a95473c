/** Keeps connections open for later requests, of Node's own HTTP client and of the AWS SDK, which takes the same agents. */
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent, AgentOptions } from 'node:https';
import { http, loadHttps } from './builtin.ts';
import { NO_PROXIES, type Proxies } from './proxies.ts';

export interface Agents {
  readonly httpAgent: HttpAgent;
  /** Created when it is first read. Spreading the object reads it too. */
  readonly httpsAgent: HttpsAgent;
}

/** The agents connect through the proxy, if there is one. @param options of both agents, and of TLS */
export function createAgents(proxies: Proxies = NO_PROXIES, options: AgentOptions = {}): Agents {
  const all = { keepAlive: true, ...options, ...proxyOptions(proxies) };
  let httpsAgent: HttpsAgent | undefined;
  return {
    httpAgent: new http.Agent(all),
    get httpsAgent() {
      httpsAgent ??= new (loadHttps().Agent)(all);
      return httpsAgent;
    },
  };
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

/** The most connections to a store, as many as the AWS SDK opens by default. */
const STORE_SOCKETS = 50;

/** The agents of a store, and of AWS. */
export function createStoreAgents(proxies: Proxies = NO_PROXIES): Agents {
  return createAgents(proxies, { maxSockets: STORE_SOCKETS });
}
