/** Whether k3s or RKE2 would ask the edge: by registries.yaml, and by what they wrote from it when they started. */
import { nameOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';
import { checkContainerd } from './containerd-check.ts';
import { majorFor, readContainerdConfig } from './containerd-config.ts';
import { K3S_CONTAINERD, type NodeFiles } from './node-files.ts';
import { parseYamlFile } from './parsed-file.ts';
import { checkRegistriesYaml } from './registries-yaml-check.ts';
import { suggestedCommand } from './suggested-command.ts';
import { textAt } from './unreadable-file.ts';
import { notAsked, type Answer, type MirrorTarget, type Verdict } from './verdict.ts';

export type K3sRuntime = keyof typeof K3S_CONTAINERD;

const SERVICES: Readonly<Record<K3sRuntime, string>> = {
  k3s: 'k3s or k3s-agent',
  RKE2: 'rke2-server or rke2-agent',
};

export function checkK3s(node: NodeFiles, target: MirrorTarget, runtime: K3sRuntime): Verdict[] {
  const path = `/etc/rancher/${runtime.toLowerCase()}/registries.yaml`;
  const written = answersOf(node, path, target, runtime);
  const inForce = inForceOf(node, target, runtime);
  return target.upstreams.map((upstream) => ({
    runtime,
    upstream: nameOf(upstream),
    ...joined(written(upstream), inForce(upstream), runtime, path),
  }));
}

type AnswerFor = (upstream: MirroredUpstream) => Answer;

function answersOf(node: NodeFiles, path: string, target: MirrorTarget, runtime: K3sRuntime): AnswerFor {
  const found = textAt(node, path);
  if (found === undefined) {
    return () =>
      notAsked(`there is no ${path}. ${suggestedCommand(runtime.toLowerCase(), target)} makes it.`);
  }
  if ('problem' in found) return () => notAsked(found.problem);
  const parsed = parseYamlFile(path, found.text);
  if ('problem' in parsed) {
    return () => notAsked(`${parsed.problem} ${runtime} does not start with such a file.`);
  }
  return (upstream) => checkRegistriesYaml(parsed.value, path, upstream, target);
}

/** @returns for each upstream the answer of the containerd that runs; undefined if it was never started, and a sentence if it cannot be known */
function inForceOf(
  node: NodeFiles,
  target: MirrorTarget,
  runtime: K3sRuntime,
): (upstream: MirroredUpstream) => Answer | string | undefined {
  const config = `${K3S_CONTAINERD[runtime]}/config.toml`;
  const found = textAt(node, config);
  if (found === undefined) return () => undefined;
  const { version, problems } = readContainerdConfig(node, 2, config);
  if (problems.length > 0) return () => problems.join(' ');
  const place = { runtime, config, major: majorFor(version), command: runtime.toLowerCase(), mend: '' };
  const verdicts = checkContainerd(node, target, place);
  return (upstream) => verdicts.find((verdict) => verdict.upstream === nameOf(upstream));
}

function joined(
  written: Answer,
  inForce: Answer | string | undefined,
  runtime: K3sRuntime,
  path: string,
): Answer {
  if (typeof inForce === 'string') return { ...written, reasons: [...written.reasons, inForce] };
  if (inForce === undefined || inForce.asked === written.asked) return written;
  const { asked, names } = inForce;
  const since = `${K3S_CONTAINERD[runtime]} says otherwise than ${path}, from which ${runtime} writes it when it starts.`;
  const next =
    written.asked === 'no'
      ? `After its next start ${runtime} does not ask the edge any more.`
      : `Restart ${SERVICES[runtime]}. If that changes nothing, look for a config.toml.tmpl or config-v3.toml.tmpl there.`;
  return { asked, names, reasons: [`${since} ${next}`, ...written.reasons] };
}
