/** Decides whether the hosts.toml of one registry leads to the edge, and at which place. */
import { isObject, type JsonObject } from '../../core/json.ts';
import { nameOf, originOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';
import { exists, type NodeFiles } from './node-files.ts';
import { at, parseTomlFile, textsIn } from './parsed-file.ts';
import { suggestedCommand } from './suggested-command.ts';
import { textAt, whyUnreadable } from './unreadable-file.ts';
import {
  isAtUpstream,
  notAsked,
  placeOfEdge,
  whyWrongAddress,
  type Answer,
  type MirrorAddress,
  type MirrorTarget,
} from './verdict.ts';

/** The capabilities that every version of containerd knows. One that it does not know makes it drop the whole file. */
const CAPABILITIES: readonly string[] = ['pull', 'resolve', 'push'];

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

/** Whether containerd looks into no later folder: it takes the first in which there is anything for the registry. */
export function hasHosts(node: NodeFiles, folder: string, upstream: MirroredUpstream): boolean {
  const paths = [...foldersOf(upstream), '_default'].map((name) => `${folder}/${name}`);
  return paths.some((path) => exists(node, path)) || whyUnreadable(node, `${folder}/_default`) !== undefined;
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
      `there is no hosts.toml for ${nameOf(upstream)}, and no ${path}. ${suggestedCommand(place.command, target)} makes one.`,
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

interface Host extends MirrorAddress {
  readonly capabilities: readonly string[];
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
  const addresses = hosts.map(({ address }) => address);
  const edgeAt = placeOfEdge(target, addresses);
  const edge = hosts[edgeAt];
  if (edge === undefined) {
    return notAsked(
      ...reasons,
      `${path} does not name ${target.edge}. ${suggestedCommand(place.command, target)} makes one that does.`,
    );
  }
  const wrong = whyWrongAddress(edge, upstream.name, target);
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
  const upstreamAt = addresses.findIndex((address) => isAtUpstream(upstream, address));
  const isLast = upstreamAt !== -1 && upstreamAt < edgeAt;
  return {
    asked: isLast ? 'last' : 'first',
    names: edge.capabilities.includes('resolve') ? 'all' : 'digests',
    reasons,
  };
}

/** With an empty list, as without one, a host has all capabilities. */
function hostIn(address: string, table: unknown): Host {
  const { override_path: isPathWhole } = isObject(table) ? table : {};
  const capabilities = capabilitiesIn(table);
  return {
    address: address.includes('://') ? address : `https://${address}`,
    capabilities: capabilities.length === 0 ? CAPABILITIES : capabilities,
    isPathWhole: isPathWhole === true,
  };
}

function unknownCapabilities(value: JsonObject): string[] {
  const tables = isObject(value['host']) ? Object.values(value['host']) : [];
  return [value, ...tables].flatMap(capabilitiesIn).filter((one) => !CAPABILITIES.includes(one));
}

/** containerd reads them without regard to case. */
function capabilitiesIn(table: unknown): readonly string[] {
  return textsIn(at(table, 'capabilities')).map((one) => one.toLowerCase());
}
