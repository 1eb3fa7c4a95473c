/** Whether containerd would ask the edge. */
import { nameOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';
import { readContainerdConfig, type ContainerdConfig, type ContainerdMajor } from './containerd-config.ts';
import { checkEndpoints } from './endpoint-list.ts';
import { checkHosts, hasHosts } from './hosts-toml-check.ts';
import type { NodeFiles } from './node-files.ts';
import { at, textsIn } from './parsed-file.ts';
import { notAsked, type Answer, type MirrorTarget, type Verdict } from './verdict.ts';

/** The default folders of containerd 2. They count when it pulls without the transfer service. */
const DEFAULT_FOLDERS = ['/etc/containerd/certs.d', '/etc/docker/certs.d'];

/** A containerd of a node. */
export interface ContainerdPlace {
  /** For people: `containerd 2`. */
  readonly runtime: string;
  /** The path of config.toml. */
  readonly config: string;
  /** The defaults differ by it. */
  readonly major: ContainerdMajor;
  /** The runtime's name for `lifeboat clients`. */
  readonly command: string;
  /** How `config_path` is set, in a sentence. */
  readonly mend: string;
}

export function checkContainerd(node: NodeFiles, target: MirrorTarget, place: ContainerdPlace): Verdict[] {
  const { runtime, major, command } = place;
  const config = readContainerdConfig(node, major, place.config);
  const stop = stopIn(config, place);
  return target.upstreams.map((upstream) => {
    const name = nameOf(upstream);
    if (stop.length > 0) return { runtime, upstream: name, ...notAsked(...stop) };
    if (config.folders === undefined && config.inlineMirrors !== undefined) {
      return { runtime, upstream: name, ...checkInline(config.inlineMirrors, upstream, target, place) };
    }
    const folders = config.folders ?? DEFAULT_FOLDERS;
    const folder = folders.find((one) => hasHosts(node, one, upstream)) ?? folders[0] ?? '';
    return { runtime, upstream: name, ...checkHosts(node, { folder, command }, upstream, target) };
  });
}

/** Mirrors in config.toml itself, which containerd 2.7 does not know any more. */
function checkInline(
  mirrors: unknown,
  upstream: MirroredUpstream,
  target: MirrorTarget,
  place: ContainerdPlace,
): Answer {
  const name = nameOf(upstream);
  const old = `${place.config} has its mirrors inline (registry.mirrors). This form is gone in containerd 2.7. Set config_path instead.`;
  const endpoints = textsIn(at(at(mirrors, name) ?? at(mirrors, '*'), 'endpoint'));
  const answer = checkEndpoints(endpoints, upstream, target, place.config);
  return { ...answer, reasons: [old, ...answer.reasons, place.mend] };
}

/** @returns why no hosts.toml counts at all */
function stopIn(found: ContainerdConfig, place: ContainerdPlace): readonly string[] {
  const { version, folders, inlineMirrors, hasInlineTls, isLocalPull } = found;
  const { problems, misplaced, missingImports } = found;
  const { config, major, mend } = place;
  if (problems.length > 0) return problems;
  if (missingImports.length > 0) {
    return missingImports.map(
      (path) =>
        `${config} imports ${path}, which does not exist. containerd does not start with such a file. Make it, or leave the import out.`,
    );
  }
  if (major === 1 && version !== undefined && version > 2) {
    return [`${config} has version ${version}, which containerd 1 does not know, so it does not start.`];
  }
  if (folders !== undefined && (inlineMirrors !== undefined || (major === 1 && hasInlineTls))) {
    return [
      `${config} has registry.${inlineMirrors === undefined ? 'configs with tls' : 'mirrors'} beside config_path. containerd then does not load its CRI plugin, and the node pulls nothing. Move that into hosts.toml files.`,
    ];
  }
  if (inlineMirrors !== undefined) return [];
  if (folders === undefined && misplaced.length > 0 && (major === 1 || !isLocalPull)) return misplaced;
  if (folders === undefined && major === 1) {
    return [`config_path is not set, so containerd reads no hosts.toml. ${mend}`];
  }
  if (folders === undefined && !isLocalPull) {
    return [
      `config_path is not set. The default of containerd 2 is two folders, which its transfer service reads as the name of one, so it reads no hosts.toml. Set it to one folder. ${mend}`,
    ];
  }
  if (folders !== undefined && folders.length > 1 && major === 2 && !isLocalPull) {
    return [
      `config_path has ${folders.length} folders, which the transfer service of containerd 2 reads as the name of one, so it reads no hosts.toml. Name one folder. ${mend}`,
    ];
  }
  return [];
}
