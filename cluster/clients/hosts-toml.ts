/**
 * The hosts.toml of containerd: the hosts that it asks for the images of one registry, in their order. The traps are in
 * docs/clients.md: no capability that an old version does not know, and a header directly below its host.
 */
import type { TomlTable } from 'smol-toml';
import { edgePathOf, originOf } from './address.ts';
import type { ClientSetup, MirroredUpstream } from './setup.ts';
import { tomlText } from './text.ts';

/** A node must not wait longer for a mirror that is down. */
const EDGE_DIAL_TIMEOUT = '3s';
const UPSTREAM_DIAL_TIMEOUT = '5s';
/** Peers are on the node itself, or one hop away. */
const PEER_DIAL_TIMEOUT = '200ms';

/** The hosts.toml for one registry. */
export function hostsToml(setup: ClientSetup, upstream: MirroredUpstream): string {
  const edge = { ...edgeHost(setup), override_path: true, dial_timeout: EDGE_DIAL_TIMEOUT };
  const origin = originOf(upstream);
  const peers = peerHosts(setup);
  if (setup.order === 'mirror-first') {
    return tomlText({
      server: origin,
      host: { ...peers, [edgePathOf(setup, upstream)]: { ...edge, ...header(setup) } },
    });
  }
  // containerd asks the server last.
  return tomlText({
    server: edgePathOf(setup, upstream),
    ...edge,
    ...header(setup),
    host: {
      ...peers,
      [origin]: { capabilities: ['pull', 'resolve'], dial_timeout: UPSTREAM_DIAL_TIMEOUT },
    },
  });
}

/** The hosts.toml of `_default`. containerd says by `?ns=` which registry it means, and asks that registry last. */
export function defaultHostsToml(setup: ClientSetup): string {
  const edge = { ...edgeHost(setup), dial_timeout: EDGE_DIAL_TIMEOUT, ...header(setup) };
  return tomlText({ host: { ...peerHosts(setup), [setup.edge]: edge } });
}

function edgeHost({ tags }: ClientSetup): TomlTable {
  return { capabilities: tags ? ['pull', 'resolve'] : ['pull'] };
}

function header({ token }: ClientSetup): TomlTable {
  return token === undefined ? {} : { header: { Authorization: `Bearer ${token}` } };
}

function peerHosts(setup: ClientSetup): TomlTable {
  const peer = { ...edgeHost(setup), dial_timeout: PEER_DIAL_TIMEOUT };
  return Object.fromEntries(setup.peers.map((origin) => [origin, peer]));
}
