/** Whether podman, skopeo and CRI-O would ask the edge: registries.conf and its drop-ins. */
import { DOCKER_HUB } from '../../core/reference.ts';
import type { JsonObject } from '../../core/json.ts';
import { nameOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';
import type { NodeFiles } from './node-files.ts';
import {
  DROP_INS,
  locationIn,
  readRegistriesConf,
  type RegistriesConf,
  type Registry,
} from './containers-image-config.ts';
import { isAtEdge, notAsked, type Answer, type MirrorTarget, type Verdict } from './verdict.ts';

const RUNTIME = 'podman, CRI-O';
const OLDER = `Older versions of them, such as podman 4.3, read drop-ins of ${DROP_INS} alone.`;

export function checkContainersImage(node: NodeFiles, question: MirrorTarget): Verdict[] {
  const older = readRegistriesConf(node, 'older');
  const newer = readRegistriesConf(node, 'newer');
  return question.upstreams.map((upstream) => {
    const now = checkRegistry(newer, upstream, question);
    const before = checkRegistry(older, upstream, question);
    // The files do not tell which version reads them, so both have to ask.
    const answer = now.asked !== 'no' && before.asked === 'no' ? notAsked(OLDER, ...before.reasons) : now;
    return { runtime: RUNTIME, upstream: nameOf(upstream), ...answer };
  });
}

function checkRegistry(conf: RegistriesConf, upstream: MirroredUpstream, question: MirrorTarget): Answer {
  const { registries, problems } = conf;
  if (problems.length > 0) return notAsked(...problems);
  const name = nameOf(upstream);
  const found = registries.get(name);
  if (found === undefined) {
    return notAsked(`no file names ${name}. "lifeboat clients podman" makes ${DROP_INS}/50-lifeboat.conf.`);
  }
  const { file, mirrors } = found;
  const edgeAt = mirrors.findIndex(({ location }) => isAtEdge(question, locationIn(location)));
  const edge = mirrors[edgeAt];
  if (edge === undefined) return notAsked(`${file} does not name ${question.edge} for ${name}.`);
  const wrong = whyWrongMirror(edge, { conf, file, upstream, question });
  if (wrong !== undefined) return notAsked(wrong);
  const upstreamAt = mirrors.findIndex(({ location }) => locationIn(location) === name);
  return {
    asked: upstreamAt !== -1 && upstreamAt < edgeAt ? 'last' : 'first',
    names: namesOf(found, edge),
    reasons: reasonsFor(found, edge, { conf, upstream, question }),
  };
}

interface Surroundings {
  readonly conf: RegistriesConf;
  readonly upstream: MirroredUpstream;
  readonly question: MirrorTarget;
}

/** @returns why the clients do not get an image by this table, a sentence; undefined if they do */
function whyWrongMirror(
  edge: JsonObject,
  { conf, file, upstream, question }: Surroundings & { readonly file: string },
): string | undefined {
  const { protocol, host } = new URL(question.edge);
  const location = locationIn(edge['location']);
  const right = `${host}/${upstream.name}`;
  const isHostOfHub = location === host && upstream.name === DOCKER_HUB;
  if (location !== right && !isHostOfHub) {
    return `${file}: the edge is named as ${location}. Write ${right}.`;
  }
  const own = longestFor(conf, location);
  if (own?.table['blocked'] === true) {
    return `${own.file} blocks the edge itself, ${host}. Remove that entry.`;
  }
  // An entry of the edge's own with insecure = true does not count for a mirror.
  if (protocol === 'http:' && edge['insecure'] !== true) {
    return `${file}: the edge is asked by https alone. Add insecure = true below location = "${location}".`;
  }
  return undefined;
}

/** The edge as a registry of its own may have an entry too. */
function longestFor({ registries }: RegistriesConf, location: string): Registry | undefined {
  const [longest] = [...registries.keys()]
    .filter((prefix) => location === prefix || location.startsWith(`${prefix}/`))
    .toSorted((one, other) => other.length - one.length);
  return longest === undefined ? undefined : registries.get(longest);
}

function namesOf({ table }: Registry, edge: JsonObject): Answer['names'] {
  const pulls = edge['pull-from-mirror'];
  if (pulls === 'digest-only' || table['mirror-by-digest-only'] === true) return 'digests';
  return pulls === 'tag-only' ? 'tags' : 'all';
}

function reasonsFor(
  { file, table }: Registry,
  edge: JsonObject,
  { conf: { registries }, upstream, question }: Surroundings,
): readonly string[] {
  const name = nameOf(upstream);
  const { host } = new URL(question.edge);
  const longer = [...registries.entries()].filter(([prefix]) => prefix.startsWith(`${name}/`));
  return [
    ...(locationIn(edge['location']) === host
      ? [
          `${file}: the edge takes ${host} for ${name} only as long as its DEFAULT_UPSTREAM says so. Write ${host}/${upstream.name}.`,
        ]
      : []),
    ...(table['blocked'] === true
      ? [`${file}: ${name} is blocked, so nothing is pulled if the edge lacks it.`]
      : []),
    ...longer.map(
      ([prefix, { file: other }]) => `${other} has an entry for ${prefix}, which counts there instead.`,
    ),
    ...(edge['pull-from-mirror'] === 'tag-only'
      ? [`${file} has pull-from-mirror = "tag-only", so the edge is not asked for digests.`]
      : []),
  ];
}
