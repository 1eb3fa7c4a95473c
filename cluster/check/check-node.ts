/** Checks every runtime whose files are on a node. */
import { checkBuildkit } from './buildkit-check.ts';
import { checkContainerd, type ContainerdPlace } from './containerd-check.ts';
import { majorFor, readContainerdConfig, type ContainerdMajor } from './containerd-config.ts';
import { checkContainersImage } from './containers-image-check.ts';
import { checkDocker } from './docker-check.ts';
import { checkK3s } from './k3s-check.ts';
import { checkMicrok8s } from './microk8s-check.ts';
import { CONTAINERD_CONFIG, exists, MICROK8S_ARGS, type NodeFiles } from './node-files.ts';
import { suggestedCommand } from './suggested-command.ts';
import { whyUnreadable } from './unreadable-file.ts';
import { notAsked, type MirrorTarget, type Verdict } from './verdict.ts';

/** The files that these runtimes need, and their folders. */
const REGISTRIES_CONF =
  /^\/(?:etc|usr\/etc|usr\/share|usr\/local\/share)\/containers(?:\/registries\.conf(?:\.d(?:\/[^/]+\.conf)?)?)?$/;
const DAEMON_JSON = /^\/etc\/docker(?:\/daemon\.json)?$/;

/** @param containerd the major version; undefined if it is not known, and then both are checked */
export function checkNode(
  node: NodeFiles,
  target: MirrorTarget,
  containerd: ContainerdMajor | undefined,
): readonly Verdict[] {
  const has = (path: string): boolean => exists(node, path);
  const majors = containerd === undefined ? majorsFor(node) : [containerd];
  return [
    ...(has('/etc/containerd')
      ? majors.flatMap((major) => checkContainerd(node, target, containerdPlace(major, target)))
      : []),
    ...(has('/etc/containers') ? ifReadable(node, REGISTRIES_CONF, checkContainersImage(node, target)) : []),
    ...(has('/etc/docker') ? ifReadable(node, DAEMON_JSON, checkDocker(node, target)) : []),
    ...(has('/etc/rancher/k3s') ? checkK3s(node, target, 'k3s') : []),
    ...(has('/etc/rancher/rke2') ? checkK3s(node, target, 'RKE2') : []),
    ...(has(MICROK8S_ARGS) ? checkMicrok8s(node, target) : []),
    ...(has('/etc/buildkit') ? checkBuildkit(node, target) : []),
  ];
}

function containerdPlace(major: ContainerdMajor, target: MirrorTarget): ContainerdPlace {
  const command = major === 1 ? 'containerd-1' : 'containerd';
  return {
    runtime: `containerd ${major}`,
    config: CONTAINERD_CONFIG,
    major,
    command,
    mend: `${suggestedCommand(command, target)} shows the lines.`,
  };
}

/** A file of an older version says nothing of the program's. */
function majorsFor(node: NodeFiles): readonly ContainerdMajor[] {
  const { version } = readContainerdConfig(node, 2, CONTAINERD_CONFIG);
  return majorFor(version) === 2 ? [2] : [1, 2];
}

/** @returns the verdicts, unless one of these files cannot be read: then nobody knows what the runtime does */
function ifReadable(node: NodeFiles, needed: RegExp, verdicts: readonly Verdict[]): readonly Verdict[] {
  const reasons = [...node.unreadable.keys()]
    .filter((path) => needed.test(path))
    .flatMap((path) => whyUnreadable(node, path) ?? []);
  return reasons.length === 0
    ? verdicts
    : verdicts.map((one) => Object.assign({}, one, notAsked(...reasons)));
}
