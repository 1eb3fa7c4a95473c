/** Whether containerd would ask the edge. */
import { nameOf } from '../clients/address.ts';
import { readContainerdConfig, type ContainerdMajor } from './containerd-config.ts';
import { checkHosts } from './hosts-toml-check.ts';
import type { NodeFiles } from './node-files.ts';
import { at, textsIn } from './parsed-file.ts';
import { isAtEdge, notAsked, type Answer, type Question, type Verdict } from './verdict.ts';

/** The default folders of containerd 2. They count when it pulls without the transfer service. */
const DEFAULT_FOLDERS = ['/etc/containerd/certs.d', '/etc/docker/certs.d'];

const MEND = '"lifeboat clients containerd" shows the lines.';

/** @param major of containerd, because the defaults differ */
export function checkContainerd(node: NodeFiles, question: Question, major: ContainerdMajor): Verdict[] {
  const config = readContainerdConfig(node, major);
  const runtime = `containerd ${major}`;
  const stop = stopIn(config, major);
  return question.upstreams.map((upstream) => {
    const name = nameOf(upstream);
    if (stop.length > 0) return { runtime, upstream: name, ...notAsked(...stop) };
    if (config.folders === undefined && config.inlineMirrors !== undefined) {
      return { runtime, upstream: name, ...checkInline(config.inlineMirrors, name, question) };
    }
    // All folders are searched for each registry. The answer of the first is that of a node with one.
    const answers = (config.folders ?? DEFAULT_FOLDERS).map((folder) =>
      checkHosts(node, folder, upstream, question),
    );
    const asked = answers.find((answer) => answer.asked !== 'no') ?? answers[0];
    return { runtime, upstream: name, ...(asked ?? notAsked()) };
  });
}

/** Mirrors in config.toml itself, which containerd 2.7 does not know any more. */
function checkInline(mirrors: unknown, name: string, question: Question): Answer {
  const endpoints = textsIn(at(at(mirrors, name) ?? at(mirrors, '*'), 'endpoint'));
  const old =
    'config.toml has its mirrors inline (registry.mirrors). This form is gone in containerd 2.7. Set config_path instead.';
  if (!endpoints.some((address) => isAtEdge(question, address))) {
    return notAsked(`${old} It does not name ${question.edge} for ${name}. ${MEND}`);
  }
  return { asked: 'first', names: 'all', reasons: [`${old} ${MEND}`] };
}

/** @returns why no hosts.toml counts at all */
function stopIn(
  {
    version,
    folders,
    inlineMirrors,
    hasInlineTls,
    isLocalPull,
    problems,
  }: ReturnType<typeof readContainerdConfig>,
  major: ContainerdMajor,
): readonly string[] {
  if (problems.length > 0) return problems;
  if (major === 1 && version !== undefined && version > 2) {
    return [`config.toml has version ${version}, which containerd 1 does not know, so it does not start.`];
  }
  if (folders !== undefined && (inlineMirrors !== undefined || (major === 1 && hasInlineTls))) {
    return [
      `config.toml has registry.${inlineMirrors === undefined ? 'configs with tls' : 'mirrors'} beside config_path. containerd then does not load its CRI plugin, and the node pulls nothing. Move that into hosts.toml files.`,
    ];
  }
  if (inlineMirrors !== undefined) return [];
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
