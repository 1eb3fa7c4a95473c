/** Connections that are kept for what comes next, for Node's own HTTP client and for the AWS SDK, which takes the same. */
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent, AgentOptions } from 'node:https';
import { http, loadHttps } from './builtin.ts';
import { NO_PROXIES, type Proxies } from './proxies.ts';

export interface Agents {
  readonly httpAgent: HttpAgent;
  /** Made when it is first read; to spread these is to read it. */
  readonly httpsAgent: HttpsAgent;
}

/** Through the proxy, where there is one. @param options of each, and of TLS */
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

/** As many connections to a store as the AWS SDK opens by itself. */
const STORE_SOCKETS = 50;

/** Of a store, and of AWS. */
export function createStoreAgents(proxies: Proxies = NO_PROXIES): Agents {
  return createAgents(proxies, { maxSockets: STORE_SOCKETS });
}
