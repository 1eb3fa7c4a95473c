/** Whether BuildKit would ask the edge: the mirrors of buildkitd.toml. */
import type { JsonObject } from '../../core/json.ts';
import { nameOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';
import type { NodeFiles } from './node-files.ts';
import { at, parseTomlFile, textsIn } from './parsed-file.ts';
import { suggestedCommand } from './suggested-command.ts';
import { textAt } from './unreadable-file.ts';
import { isAtEdge, isAtUpstream, notAsked, type Answer, type MirrorTarget, type Verdict } from './verdict.ts';

const PATH = '/etc/buildkit/buildkitd.toml';

export function checkBuildkit(node: NodeFiles, target: MirrorTarget): Verdict[] {
  const found = textAt(node, PATH);
  return target.upstreams.map((upstream) => ({
    runtime: 'BuildKit',
    upstream: nameOf(upstream),
    ...answerOf(found, upstream, target),
  }));
}

function answerOf(
  found: ReturnType<typeof textAt>,
  upstream: MirroredUpstream,
  target: MirrorTarget,
): Answer {
  if (found === undefined)
    return notAsked(`there is no ${PATH}. ${suggestedCommand('buildkit', target)} makes it.`);
  if ('problem' in found) return notAsked(found.problem);
  const parsed = parseTomlFile(PATH, found.text);
  if ('problem' in parsed) return notAsked(`${parsed.problem} BuildKit does not start with such a file.`);
  return checkMirrors(parsed.value, upstream, target);
}

function checkMirrors(value: JsonObject, upstream: MirroredUpstream, target: MirrorTarget): Answer {
  const name = nameOf(upstream);
  const mirrors = textsIn(at(value['registry'], name, 'mirrors'));
  const edgeAt = mirrors.findIndex((one) => isAtEdge(target, one));
  const mirror = mirrors[edgeAt];
  if (mirror === undefined) {
    return notAsked(
      `${PATH} does not name ${target.edge} in the mirrors of ${name}. ${suggestedCommand('buildkit', target)} shows the lines.`,
    );
  }
  const [, host = '', path = ''] = /^(?:\w+:\/\/)?([^/]*)(.*?)\/*$/.exec(mirror) ?? [];
  // BuildKit adds /v2 before the path. Without one, the edge learns from ?ns= which registry is meant.
  if (path !== '' && path !== `/${upstream.name}`) {
    return notAsked(`${PATH}: the edge is named as ${mirror}. Write ${host}/${upstream.name}.`);
  }
  const wrong = whyWrongScheme(at(value['registry'], host), host, target);
  if (wrong !== undefined) return notAsked(`${PATH}: ${wrong}`);
  const upstreamAt = mirrors.findIndex((one) => isAtUpstream(upstream, one));
  const isLast = upstreamAt !== -1 && upstreamAt < edgeAt;
  return { asked: isLast ? 'last' : 'first', names: 'all', reasons: [] };
}

/** The scheme of a mirror does not count: its own entry says whether it is asked in plain HTTP. */
function whyWrongScheme(own: unknown, host: string, { edge }: MirrorTarget): string | undefined {
  const http = at(own, 'http');
  const isHttp = http === undefined ? isLoopback(host) : http === true;
  const isHttps = !isHttp || at(own, 'insecure') === true;
  const table = `[registry."${host}"]`;
  if (edge.startsWith('http:') && !isHttp) {
    return `${edge} is asked by https, because ${table} has no http = true. Add it.`;
  }
  if (edge.startsWith('https:') && !isHttps) {
    return `${edge} is asked in plain HTTP. Write http = false in ${table}.`;
  }
  return undefined;
}

/** Without an entry of its own, such a host is asked in plain HTTP. */
function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(host);
}
