/** Whether podman, skopeo and CRI-O would ask the edge: registries.conf and its drop-ins. */
import { isObject, type JsonObject } from '../../core/json.ts';
import { nameOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';
import { filesIn, type NodeFiles } from './node-files.ts';
import { parseTomlFile } from './parsed-file.ts';
import { isAtEdge, notAsked, type Answer, type MirrorTarget, type Verdict } from './verdict.ts';

const RUNTIME = 'podman, CRI-O';
const MAIN = '/etc/containers/registries.conf';
/** If drop-ins of several folders have one name, the first folder's counts. */
const DROP_INS = [
  '/etc/containers/registries.conf.d',
  '/usr/etc/containers/registries.conf.d',
  '/usr/local/share/containers/registries.conf.d',
  '/usr/share/containers/registries.conf.d',
] as const;

interface Registry {
  readonly file: string;
  readonly table: JsonObject;
}

export function checkContainersImage(node: NodeFiles, question: MirrorTarget): Verdict[] {
  const { registries, problems } = readRegistries(node);
  return question.upstreams.map((upstream) => {
    const answer: Answer =
      problems.length > 0 ? notAsked(...problems) : checkRegistry(registries, upstream, question);
    return { runtime: RUNTIME, upstream: nameOf(upstream), ...answer };
  });
}

/** A later file replaces an entry with the same prefix. */
function readRegistries(node: NodeFiles): { registries: Map<string, Registry>; problems: string[] } {
  const registries = new Map<string, Registry>();
  const problems: string[] = [];
  for (const path of [MAIN, ...dropIns(node)]) {
    const text = node.files.get(path);
    if (text === undefined) continue;
    const parsed = parseTomlFile(path, text);
    if ('problem' in parsed) {
      problems.push(`${parsed.problem} podman and CRI-O pull nothing with such a file.`);
      continue;
    }
    const tables = parsed.value['registry'];
    for (const table of Array.isArray(tables) ? tables : []) {
      if (!isObject(table)) continue;
      const { prefix, location } = table;
      const name = typeof prefix === 'string' && prefix !== '' ? prefix : location;
      if (typeof name === 'string') registries.set(name, { file: path, table });
    }
  }
  return { registries, problems };
}

function dropIns(node: NodeFiles): readonly string[] {
  const byName = new Map<string, string>();
  for (const folder of DROP_INS) {
    for (const path of filesIn(node, folder, '.conf')) {
      const name = path.slice(folder.length + 1);
      if (!byName.has(name)) byName.set(name, path);
    }
  }
  return [...byName.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, path]) => path);
}

function checkRegistry(
  registries: ReadonlyMap<string, Registry>,
  upstream: MirroredUpstream,
  question: MirrorTarget,
): Answer {
  const name = nameOf(upstream);
  const found = registries.get(name);
  if (found === undefined) {
    return notAsked(
      `no file names ${name}. "lifeboat clients podman" makes ${DROP_INS[0]}/50-lifeboat.conf.`,
    );
  }
  const { file, table } = found;
  const tables = table['mirror'];
  const mirrors = (Array.isArray(tables) ? tables : []).filter((one) => isObject(one));
  const edgeAt = mirrors.findIndex(
    ({ location }) => typeof location === 'string' && isAtEdge(question, location),
  );
  const edge = mirrors[edgeAt];
  if (edge === undefined) return notAsked(`${file} does not name ${question.edge} for ${name}.`);
  if (table['mirror-by-digest-only'] === true && mirrors.some((one) => 'pull-from-mirror' in one)) {
    return notAsked(
      `${file} has mirror-by-digest-only beside pull-from-mirror, which podman and CRI-O refuse. Keep one of them.`,
    );
  }
  const location = String(edge['location']);
  const right = `${new URL(question.edge).host}/${upstream.name}`;
  if (location !== right) return notAsked(`${file}: the edge is named as ${location}. Write ${right}.`);
  const longer = [...registries.keys()].filter((prefix) => prefix.startsWith(`${name}/`));
  const upstreamAt = mirrors.findIndex((one) => one['location'] === name);
  const pulls = edge['pull-from-mirror'];
  const isDigestOnly = pulls === 'digest-only' || table['mirror-by-digest-only'] === true;
  const reasons = [
    ...(table['blocked'] === true
      ? [`${file}: ${name} is blocked, so nothing is pulled if the edge lacks it.`]
      : []),
    ...longer.map(
      (prefix) =>
        `${registries.get(prefix)?.file ?? file} has an entry for ${prefix}, which counts there instead.`,
    ),
    ...(pulls === 'tag-only'
      ? [`${file} has pull-from-mirror = "tag-only", so the edge is not asked for digests.`]
      : []),
  ];
  return {
    asked: upstreamAt !== -1 && upstreamAt < edgeAt ? 'last' : 'first',
    names: isDigestOnly ? 'digests' : pulls === 'tag-only' ? 'tags' : 'all',
    reasons,
  };
}
