/** Whether k3s or RKE2 would ask the edge. */
import { isObject } from '../../core/json.ts';
import { nameOf } from '../clients/address.ts';
import type { NodeFiles } from './node-files.ts';
import { at, parseYamlFile, textsIn } from './parsed-file.ts';
import { isAtEdge, notAsked, whyWrongPath, type Question, type Verdict } from './verdict.ts';

export function checkK3s(node: NodeFiles, question: Question, runtime: 'k3s' | 'RKE2'): Verdict[] {
  const path = `/etc/rancher/${runtime.toLowerCase()}/registries.yaml`;
  const text = node.files.get(path);
  const parsed = text === undefined ? undefined : parseYamlFile(path, text);
  return question.upstreams.map((upstream) => {
    const name = nameOf(upstream);
    const no = (reason: string): Verdict => ({
      runtime,
      upstream: name,
      ...notAsked(reason),
    });
    if (parsed === undefined)
      return no(`there is no ${path}. "lifeboat clients ${runtime.toLowerCase()}" makes it.`);
    if ('problem' in parsed) return no(`${parsed.problem} ${runtime} does not start with such a file.`);
    const mirrors = parsed.value['mirrors'];
    const own = at(mirrors, name) ?? at(mirrors, '*');
    if (!isObject(own)) return no(`${path} has no mirrors for ${name}.`);
    const endpoint = textsIn(own['endpoint']).find((address) => isAtEdge(question, address));
    if (endpoint === undefined) return no(`${path} does not name ${question.edge} for ${name}.`);
    const wrong = whyWrongPath(endpoint, upstream.name, true);
    if (wrong !== undefined && URL.parse(endpoint)?.pathname !== '/')
      return no(`${path}: ${endpoint}: ${wrong}.`);
    return { runtime, upstream: name, asked: 'first', names: 'all', reasons: [] };
  });
}
