/** Whether Docker Engine would ask the edge. */
import { DOCKER_HUB } from '../../core/reference.ts';
import { nameOf } from '../clients/address.ts';
import type { NodeFiles } from './node-files.ts';
import { parseJsonFile, textsIn } from './parsed-file.ts';
import { isAtEdge, notAsked, type MirrorTarget, type Verdict } from './verdict.ts';

const DAEMON = '/etc/docker/daemon.json';

export function checkDocker(node: NodeFiles, question: MirrorTarget): Verdict[] {
  return question.upstreams.map((upstream) => {
    const upstreamName = nameOf(upstream);
    const no = (reason: string): Verdict => ({
      runtime: 'Docker',
      upstream: upstreamName,
      ...notAsked(reason),
    });
    if (upstream.name !== DOCKER_HUB) return no('registry-mirrors are for Docker Hub alone.');
    const text = node.files.get(DAEMON);
    if (text === undefined) return no(`there is no ${DAEMON}. "lifeboat clients docker" makes it.`);
    const parsed = parseJsonFile(DAEMON, text);
    if ('problem' in parsed) return no(`${parsed.problem} Docker does not start with such a file.`);
    const mirrors = textsIn(parsed.value['registry-mirrors']);
    const mirror = mirrors.find((address) => isAtEdge(question, address));
    if (mirror === undefined) return no(`${DAEMON} does not name ${question.edge} in registry-mirrors.`);
    if (!/^https?:\/\/[^/]+\/?$/.test(mirror)) {
      return no(
        `${DAEMON}: ${mirror} has a path, and Docker takes the root of a host alone. Docker does not start with it.`,
      );
    }
    return { runtime: 'Docker', upstream: upstreamName, asked: 'first', names: 'all', reasons: [] };
  });
}
