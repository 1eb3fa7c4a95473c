/** Whether microk8s would ask the edge: its containerd reads the same files as any other, in another place. */
import { nameOf } from '../clients/address.ts';
import { checkContainerd } from './containerd-check.ts';
import { majorFor, readContainerdConfig } from './containerd-config.ts';
import { checkHosts } from './hosts-toml-check.ts';
import { exists, MICROK8S_ARGS, type NodeFiles } from './node-files.ts';
import type { MirrorTarget, Verdict } from './verdict.ts';

const RUNTIME = 'microk8s';
const TEMPLATE = `${MICROK8S_ARGS}/containerd-template.toml`;
/** microk8s makes the first one of the second when it starts. */
const CONFIGS = [`${MICROK8S_ARGS}/containerd.toml`, TEMPLATE] as const;

const MEND = `Set config_path = "\${SNAP_DATA}/args/certs.d" in ${TEMPLATE}, and restart: microk8s stop; microk8s start.`;

export function checkMicrok8s(node: NodeFiles, target: MirrorTarget): Verdict[] {
  const config = CONFIGS.find((path) => exists(node, path));
  if (config !== undefined) {
    const { version } = readContainerdConfig(node, 2, config);
    const major = majorFor(version);
    return checkContainerd(node, target, { runtime: RUNTIME, config, major, command: RUNTIME, mend: MEND });
  }
  // Its own config_path is this folder.
  const place = { folder: `${MICROK8S_ARGS}/certs.d`, command: RUNTIME };
  return target.upstreams.map((upstream) => ({
    runtime: RUNTIME,
    upstream: nameOf(upstream),
    ...checkHosts(node, place, upstream, target),
  }));
}
