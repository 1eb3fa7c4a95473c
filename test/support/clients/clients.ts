/** Starts all real clients once for a test file. */
import type { Client } from './client.ts';
import { startContainerd, startCri } from './containerd.ts';
import { startPodman } from './podman.ts';
import { startSkopeo } from './skopeo.ts';

const STARTERS = {
  skopeo: startSkopeo,
  podman: startPodman,
  'containerd (ctr)': startContainerd,
  'containerd (CRI)': startCri,
  'containerd 2 (CRI)': async () => startCri({ version: '2' }),
} as const satisfies Record<string, () => Promise<Client>>;

export type ClientName = keyof typeof STARTERS;

export const CLIENT_NAMES: readonly ClientName[] = [
  'skopeo',
  'podman',
  'containerd (ctr)',
  'containerd (CRI)',
  'containerd 2 (CRI)',
];

export interface Clients {
  get(name: ClientName): Client;
  stop(): Promise<void>;
}

/** @throws if a program is missing or a daemon does not answer. Clients that have started by then are stopped. */
export async function startClients(): Promise<Clients> {
  const clients = new Map<ClientName, Client>();
  const stop = async () => {
    for (const client of clients.values()) await client.stop();
  };
  try {
    for (const name of CLIENT_NAMES) clients.set(name, await STARTERS[name]());
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get: (name) => {
      const client = clients.get(name);
      if (client === undefined) throw new Error(`${name} has not been started.`);
      return client;
    },
    stop,
  };
}
