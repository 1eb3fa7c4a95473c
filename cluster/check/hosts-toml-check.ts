/** Decides whether the hosts.toml of one registry leads to the edge, and at which place. */
import { isObject, type JsonObject } from '../../core/json.ts';
import { nameOf, originOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';
import { exists, type NodeFiles } from './node-files.ts';
import { parseTomlFile, textsIn } from './parsed-file.ts';
import { textAt, whyUnreadable } from './unreadable-file.ts';
import { isAtEdge, isAtUpstream, notAsked, whyWrongPath, type Answer, type MirrorTarget } from './verdict.ts';

/** The capabilities that every version of containerd knows. One that it does not know makes it drop the whole file. */
const CAPABILITIES: ReadonlySet<string> = new Set(['pull', 'resolve', 'push']);

/** A folder of hosts.toml files. */
export interface HostsPlace {
  /** `/etc/containerd/certs.d`. */
  readonly folder: string;
  /** The name of the runtime for `lifeboat clients`. */
  readonly command: string;
}

export function checkHosts(
  node: NodeFiles,
  place: HostsPlace,
  upstream: MirroredUpstream,
  target: MirrorTarget,
): Answer {
  const { folder } = place;
  const own = foldersOf(upstream).map((name) => `${folder}/${name}`);
  const present = own.find((path) => exists(node, path));
  if (present === undefined) {
    const refused = whyUnreadable(node, `${folder}/${nameOf(upstream)}`);
    if (refused !== undefined) return notAsked(refused);
    return checkFile(node, { ...place, isDefault: true }, `${folder}/_default/hosts.toml`, upstream, target);
  }
  const file = `${present}/hosts.toml`;
  if (textAt(node, file) !== undefined) {
    return checkFile(node, { ...place, isDefault: false }, file, upstream, target);
  }
  const hasDefault = exists(node, `${folder}/_default/hosts.toml`);
  return notAsked(
    `${present} has no hosts.toml${hasDefault ? `, and hides ${folder}/_default for ${nameOf(upstream)}` : ''}. Write one, or remove the folder.`,
  );
}

/** containerd takes the first of these that there is. */
function foldersOf(upstream: MirroredUpstream): readonly string[] {
  const name = nameOf(upstream);
  const [, host, port] = /^(.*):(\d+)$/.exec(name) ?? [];
  return host === undefined || port === undefined ? [name] : [`${host}_${port}_`, name];
}

function checkFile(
  node: NodeFiles,
  place: HostsPlace & { readonly isDefault: boolean },
  path: string,
  upstream: MirroredUpstream,
  target: MirrorTarget,
): Answer {
  const found = textAt(node, path);
  if (found === undefined) {
    return notAsked(
      `there is no hosts.toml for ${nameOf(upstream)}, and no ${path}. "lifeboat clients ${place.command}" makes one.`,
    );
  }
  if ('problem' in found) return notAsked(found.problem);
  const parsed = parseTomlFile(path, found.text);
  if ('problem' in parsed) return notAsked(`${parsed.problem} containerd does not use the file.`);
  const { value } = parsed;
  const unknown = unknownCapabilities(value);
  if (unknown.length > 0) {
    return notAsked(
      `${path} names the capability ${unknown.map((one) => `"${one}"`).join(', ')}, which not every containerd knows. One that does not know it ignores the whole file. Leave it out.`,
    );
  }
  return orderIn(value, path, { upstream, target, place });
}

interface Host {
  readonly address: string;
  readonly capabilities: readonly string[];
  readonly isPathWhole: boolean;
}

interface OrderOptions {
  readonly upstream: MirroredUpstream;
  readonly target: MirrorTarget;
  readonly place: HostsPlace & { readonly isDefault: boolean };
}

function orderIn(value: JsonObject, path: string, { upstream, target, place }: OrderOptions): Answer {
  const reasons: string[] = [];
  const hosts: Host[] = [];
  const tables = value['host'];
  if (isObject(tables)) {
    for (const [address, table] of Object.entries(tables)) hosts.push(hostIn(address, table));
  }
  const { server } = value;
  if (typeof server === 'string') hosts.push(hostIn(server, value));
  else {
    if ('capabilities' in value || 'override_path' in value) {
      reasons.push(`${path}: the keys above the first table count only with server, so they do nothing.`);
    }
    hosts.push({ address: originOf(upstream), capabilities: ['pull', 'resolve'], isPathWhole: false });
  }
  const edgeAt = hosts.findIndex(({ address }) => isAtEdge(target, address));
  const edge = hosts[edgeAt];
  if (edge === undefined) {
    return notAsked(
      ...reasons,
      `${path} does not name ${target.edge}. "lifeboat clients ${place.command}" makes one that does.`,
    );
  }
  const wrong = whyWrongPath(edge.address, upstream.name, edge.isPathWhole);
  if (wrong !== undefined) return notAsked(...reasons, `${path}: ${edge.address}: ${wrong}.`);
  const { pathname } = new URL(edge.address);
  if (place.isDefault && pathname.startsWith('/v2/')) {
    return notAsked(
      ...reasons,
      `${path}: ${edge.address} has the path of one registry, and the file is for all registries. Write ${target.edge}.`,
    );
  }
  if (!edge.capabilities.includes('pull')) {
    return notAsked(...reasons, `${path}: ${edge.address} lacks the capability "pull".`);
  }
  const upstreamAt = hosts.findIndex(({ address }) => isAtUpstream(upstream, address));
  const isLast = upstreamAt !== -1 && upstreamAt < edgeAt;
  return {
    asked: isLast ? 'last' : 'first',
    names: edge.capabilities.includes('resolve') ? 'all' : 'digests',
    reasons,
  };
}

/** Left out, a host has all capabilities. */
function hostIn(address: string, table: unknown): Host {
  const { capabilities, override_path: isPathWhole } = isObject(table) ? table : {};
  return {
    address: address.includes('://') ? address : `https://${address}`,
    capabilities: capabilities === undefined ? ['pull', 'resolve', 'push'] : textsIn(capabilities),
    isPathWhole: isPathWhole === true,
  };
}

function unknownCapabilities(value: JsonObject): string[] {
  const tables = isObject(value['host']) ? Object.values(value['host']) : [];
  return [value, ...tables]
    .flatMap((table) => textsIn(isObject(table) ? table['capabilities'] : undefined))
    .filter((capability) => !CAPABILITIES.has(capability));
}
