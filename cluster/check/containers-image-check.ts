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
import { suggestedCommand } from './suggested-command.ts';
import { isAtEdge, notAsked, type Answer, type MirrorTarget, type Verdict } from './verdict.ts';

const RUNTIME = 'podman, CRI-O';
const OLDER = `Older versions of them, such as podman 4.3, read drop-ins of ${DROP_INS} alone.`;

export function checkContainersImage(node: NodeFiles, target: MirrorTarget): Verdict[] {
  const older = readRegistriesConf(node, 'older');
  const newer = readRegistriesConf(node, 'newer');
  return target.upstreams.map((upstream) => {
    const now = checkRegistry(newer, upstream, target);
    const before = checkRegistry(older, upstream, target);
    // The files do not tell which version reads them, so both have to ask.
    const answer = now.asked !== 'no' && before.asked === 'no' ? notAsked(OLDER, ...before.reasons) : now;
    return { runtime: RUNTIME, upstream: nameOf(upstream), ...answer };
  });
}

function checkRegistry(conf: RegistriesConf, upstream: MirroredUpstream, target: MirrorTarget): Answer {
  const { registries, problems } = conf;
  if (problems.length > 0) return notAsked(...problems);
  const name = nameOf(upstream);
  const found = registries.get(name);
  if (found === undefined) {
    return notAsked(
      `no file names ${name}. ${suggestedCommand('podman', target)} makes ${DROP_INS}/50-lifeboat.conf.`,
    );
  }
  const { file, mirrors } = found;
  const edges = mirrors.filter(({ location }) => isAtEdge(target, locationIn(location)));
  if (edges.length === 0) return notAsked(`${file} does not name ${target.edge} for ${name}.`);
  const surroundings = { conf, file, upstream, target };
  const wrong = edges.flatMap((edge) => whyWrongMirror(edge, surroundings) ?? []);
  const good = edges.filter((edge) => whyWrongMirror(edge, surroundings) === undefined);
  if (good.length === 0) return notAsked(...wrong);
  const upstreamAt = mirrors.findIndex(({ location }) => locationIn(location) === name);
  const order = (names: 'tags' | 'digests'): Answer['asked'] => {
    const edge = good.find((one) => ['all', names].includes(namesOf(found, one)));
    if (edge === undefined) return 'no';
    return upstreamAt !== -1 && upstreamAt < mirrors.indexOf(edge) ? 'last' : 'first';
  };
  return {
    ...joined(order('tags'), order('digests')),
    reasons: [
      ...wrong,
      ...orderReasons(order('tags'), order('digests'), `${file}: the edge`, name),
      ...good.flatMap((edge) => locationReasons(edge, surroundings)),
      ...reasonsFor(found, surroundings),
    ],
  };
}

/** The better of two orders counts, because a runtime may have one for tags and another for digests. */
function joined(tags: Answer['asked'], digests: Answer['asked']): Pick<Answer, 'asked' | 'names'> {
  const asked = tags === 'first' || digests === 'first' ? 'first' : 'last';
  if (tags === 'no') return { asked, names: 'digests' };
  return { asked, names: digests === 'no' ? 'tags' : 'all' };
}

function orderReasons(
  tags: Answer['asked'],
  digests: Answer['asked'],
  edge: string,
  name: string,
): readonly string[] {
  if (digests === 'no') return [`${edge} has pull-from-mirror = "tag-only", so it is not asked for digests.`];
  if (tags === 'no' || tags === digests) return [];
  return [`${edge} is asked for ${tags === 'last' ? 'tags' : 'digests'} only when ${name} fails.`];
}

interface Surroundings {
  readonly conf: RegistriesConf;
  readonly file: string;
  readonly upstream: MirroredUpstream;
  readonly target: MirrorTarget;
}

/** @returns why the clients do not get an image by this table, a sentence; undefined if they do */
function whyWrongMirror(
  edge: JsonObject,
  { conf, file, upstream, target }: Surroundings,
): string | undefined {
  const { protocol, host } = new URL(target.edge);
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

function locationReasons(edge: JsonObject, { file, upstream, target }: Surroundings): readonly string[] {
  const { host } = new URL(target.edge);
  if (locationIn(edge['location']) !== host) return [];
  return [
    `${file}: the edge takes ${host} for ${nameOf(upstream)} only as long as its DEFAULT_UPSTREAM says so. Write ${host}/${upstream.name}.`,
  ];
}

function reasonsFor(
  { table }: Registry,
  { conf: { registries }, file, upstream }: Surroundings,
): readonly string[] {
  const name = nameOf(upstream);
  const longer = [...registries.entries()].filter(([prefix]) => prefix.startsWith(`${name}/`));
  return [
    ...(table['blocked'] === true
      ? [`${file}: ${name} is blocked, so nothing is pulled if the edge lacks it.`]
      : []),
    ...longer.map(
      ([prefix, { file: other }]) => `${other} has an entry for ${prefix}, which counts there instead.`,
    ),
  ];
}
