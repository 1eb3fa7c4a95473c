/**
 * Reads the configuration of clients from the documentation. The tests change only the host's name, and add the
 * settings that an edge on the loopback address without a certificate needs.
 */
import { codeBlock } from '../code-block.ts';

const PAGE = 'docs/clients.md';

/** The first line of each block, by which it is found. */
export const BLOCKS = {
  'containerd 1.x': '# /etc/containerd/config.toml, containerd 1.x\n',
  'containerd 2.x': '# /etc/containerd/config.toml, containerd 2.x\n',
  'hosts.toml': '# /etc/containerd/certs.d/docker.io/hosts.toml\n',
  'hosts.toml, digests only': '# Digests only: /etc/containerd/certs.d/docker.io/hosts.toml\n',
  'hosts.toml, upstream first': '# Upstream first: /etc/containerd/certs.d/docker.io/hosts.toml\n',
  'hosts.toml, every registry': '# /etc/containerd/certs.d/_default/hosts.toml\n',
  'hosts.toml, token': '[host."https://lifeboat.example.com/v2/docker.io".header]\n',
  'registries.conf': '# /etc/containers/registries.conf.d/50-lifeboat.conf\n',
  'registries.conf, digests only': '# Digests only: /etc/containers/registries.conf.d/50-lifeboat.conf\n',
  'daemon.json': '{ "registry-mirrors":',
} as const satisfies Record<string, string>;

export type BlockName = keyof typeof BLOCKS;

/** @throws if the page does not have the block exactly once */
export async function documentedBlock(name: BlockName): Promise<string> {
  return codeBlock(PAGE, BLOCKS[name]);
}

/**
 * Adapts a block to an edge that speaks plain HTTP.
 * @param edge in the form `host:port`
 */
export function atEdge(block: string, edge: string): string {
  return block
    .replaceAll('https://lifeboat.example.com', `http://${edge}`)
    .replaceAll('lifeboat.example.com', edge);
}
