/** Whether containerd would ask the edge. */
import { nameOf } from '../clients/address.ts';
import { readContainerdConfig } from './containerd-config.ts';
import { checkHosts } from './hosts-toml-check.ts';
import type { NodeFiles } from './node-files.ts';
import type { Question, Verdict } from './verdict.ts';

export type ContainerdMajor = 1 | 2;

/** What containerd 2 reads by default when it pulls without the transfer service. */
const DEFAULT_FOLDERS = ['/etc/containerd/certs.d', '/etc/docker/certs.d'];

const MEND = '"lifeboat clients containerd" shows the lines.';

/** @param major of containerd, because the defaults differ */
export function checkContainerd(node: NodeFiles, question: Question, major: ContainerdMajor): Verdict[] {
  const config = readContainerdConfig(node);
  const runtime = `containerd ${major}`;
  const stop = stopIn(config, major);
  return question.upstreams.map((upstream) => {
    const name = nameOf(upstream);
    if (stop.length > 0) return { runtime, upstream: name, asked: 'no', tags: false, reasons: stop };
    const folders = config.folders ?? DEFAULT_FOLDERS;
    const folder = folders.find((one) => node.folders.has(one)) ?? folders[0] ?? '';
    return { runtime, upstream: name, ...checkHosts(node, folder, upstream, question) };
  });
}

/** @returns why no hosts.toml counts at all */
function stopIn(
  { version, folders, hasInlineMirrors, isLocalPull, problems }: ReturnType<typeof readContainerdConfig>,
  major: ContainerdMajor,
): readonly string[] {
  if (problems.length > 0) return problems;
  if (major === 1 && version !== undefined && version > 2) {
    return [`config.toml has version ${version}, which containerd 1 does not know, so it does not start.`];
  }
  if (hasInlineMirrors && folders !== undefined) {
    return [
      'config.toml has mirrors or configs beside config_path. containerd then does not load its CRI plugin, and the node pulls nothing. Remove mirrors and configs.',
    ];
  }
  if (hasInlineMirrors) {
    return [
      `config.toml has its mirrors inline (registry.mirrors), so hosts.toml files do not count. This form is gone in containerd 2.7. Set config_path instead. ${MEND}`,
    ];
  }
  if (folders === undefined && major === 1) {
    return [`config_path is not set, so containerd reads no hosts.toml. ${MEND}`];
  }
  if (folders === undefined && !isLocalPull) {
    return [
      `config_path is not set. The default of containerd 2 is two folders, which its transfer service reads as the name of one, so it reads no hosts.toml. Set it to one folder. ${MEND}`,
    ];
  }
  if (folders !== undefined && folders.length > 1 && major === 2 && !isLocalPull) {
    return [
      `config_path has ${folders.length} folders, which the transfer service of containerd 2 reads as the name of one, so it reads no hosts.toml. Name one folder. ${MEND}`,
    ];
  }
  return [];
}
