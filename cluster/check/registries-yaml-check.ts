/** Decides whether registries.yaml of k3s or RKE2 leads to the edge. */
import { isObject, type JsonObject } from '../../core/json.ts';
import { nameOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';
import { checkEndpoints } from './endpoint-list.ts';
import { at, textsIn } from './parsed-file.ts';
import { notAsked, placeOfEdge, type Answer, type MirrorTarget } from './verdict.ts';

/** Names of images, to see what a rewrite makes of them. */
const SAMPLES = ['library/nginx', 'team/app'] as const;

export function checkRegistriesYaml(
  value: JsonObject,
  path: string,
  upstream: MirroredUpstream,
  target: MirrorTarget,
): Answer {
  const name = nameOf(upstream);
  const mirrors = value['mirrors'];
  const own = at(mirrors, name);
  const hasOwn = textsIn(at(own, 'endpoint')).length > 0;
  const config = at(value['configs'], name);
  if (
    !hasOwn &&
    isObject(at(mirrors, '*')) &&
    (isObject(at(config, 'tls')) || isObject(at(config, 'auth')))
  ) {
    return notAsked(
      `${path} has configs for ${name}, for which a hosts.toml without mirrors is written, and that hides "*". Name ${target.edge} in the mirrors of ${name} too.`,
    );
  }
  const mirror = hasOwn ? own : at(mirrors, '*');
  if (!isObject(mirror)) return notAsked(`${path} has no mirrors for ${name}.`);
  const endpoints = textsIn(mirror['endpoint']);
  const answer = checkEndpoints(endpoints, upstream, target, path);
  if (answer.asked === 'no' || !isObject(mirror['rewrite'])) return answer;
  const address = endpoints[placeOfEdge(target, endpoints)] ?? '';
  return rewritten(answer, mirror['rewrite'], { path, upstream, hasPath: /\/v2\/./.test(address) });
}

interface RewriteOptions {
  readonly path: string;
  readonly upstream: MirroredUpstream;
  /** Whether the address of the edge has the registry in its path. If not, a name may begin with it. */
  readonly hasPath: boolean;
}

/** A rewrite changes the name of an image before a mirror is asked for it. */
function rewritten(answer: Answer, rewrite: JsonObject, { path, upstream, hasPath }: RewriteOptions): Answer {
  const name = nameOf(upstream);
  const wrong = SAMPLES.map((sample) => ({ sample, asked: rewrittenName(sample, rewrite) })).filter(
    ({ sample, asked }) => asked !== sample && (hasPath || asked !== `${upstream.name}/${sample}`),
  );
  const [first] = wrong;
  if (first !== undefined && wrong.length === SAMPLES.length) {
    return notAsked(
      `${path}: the rewrite for ${name} makes ${first.asked} of ${first.sample}, and the edge has no image of that name. Leave it out.`,
    );
  }
  const hasOther = Object.keys(rewrite).some((pattern) =>
    SAMPLES.every((sample) => rewrittenName(sample, { [pattern]: rewrite[pattern] }) === sample),
  );
  if (first === undefined && !hasOther) return answer;
  return {
    ...answer,
    reasons: [
      ...answer.reasons,
      `${path} has a rewrite for ${name} (${Object.keys(rewrite).join(', ')}). The edge is asked for the new names, and has only those of ${name}.`,
    ],
  };
}

/** The first pattern that changes the name counts. One of Go's that is none here is as good as one that matches nothing. */
function rewrittenName(name: string, rewrite: JsonObject): string {
  for (const [pattern, replacement] of Object.entries(rewrite)) {
    const to = String(replacement).replaceAll(/\$\{(\w+)\}/g, '$$$1');
    const changed = replacedBy(pattern, name, to);
    if (changed !== name) return changed;
  }
  return name;
}

function replacedBy(pattern: string, name: string, to: string): string {
  try {
    return name.replace(new RegExp(pattern, 'g'), to);
  } catch {
    return name;
  }
}
