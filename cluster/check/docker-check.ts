/** Whether Docker Engine would ask the edge. */
import { DOCKER_HUB } from '../../core/reference.ts';
import { nameOf } from '../clients/address.ts';
import type { NodeFiles } from './node-files.ts';
import { parseJsonFile, textsIn } from './parsed-file.ts';
import { suggestedCommand } from './suggested-command.ts';
import { isAtEdge, notAsked, type Answer, type MirrorTarget, type Verdict } from './verdict.ts';

const DAEMON = '/etc/docker/daemon.json';

export function checkDocker(node: NodeFiles, target: MirrorTarget): Verdict[] {
  const ofHub = checkHub(node, target);
  return target.upstreams.map((upstream) => ({
    runtime: 'Docker',
    upstream: nameOf(upstream),
    ...(upstream.name === DOCKER_HUB ? ofHub : notAsked('registry-mirrors are for Docker Hub alone.')),
  }));
}

function checkHub(node: NodeFiles, target: MirrorTarget): Answer {
  const text = node.files.get(DAEMON);
  if (text === undefined)
    return notAsked(`there is no ${DAEMON}. ${suggestedCommand('docker', target)} makes it.`);
  const parsed = parseJsonFile(DAEMON, text);
  if ('problem' in parsed) return notAsked(`${parsed.problem} Docker does not start with such a file.`);
  const listed = parsed.value['registry-mirrors'];
  if (listed !== undefined && !Array.isArray(listed)) {
    return notAsked(
      `${DAEMON}: registry-mirrors is no list. Write ["${target.edge}"]. Docker does not start with it.`,
    );
  }
  const mirrors = textsIn(listed);
  // Another mirror may be wrong too.
  const [refused] = mirrors.flatMap((mirror) => whyRefused(mirror) ?? []);
  if (refused !== undefined) return notAsked(`${DAEMON}: ${refused} Docker does not start with it.`);
  const mirror = mirrors.find((address) => isAtEdge(target, address));
  if (mirror === undefined) {
    return notAsked(`${DAEMON} does not name ${target.edge} in registry-mirrors.`);
  }
  const { protocol } = new URL(target.edge);
  if (protocol === 'http:' && !mirror.startsWith('http:')) {
    return notAsked(`${DAEMON}: Docker asks ${mirror} by https alone. Write ${target.edge}.`);
  }
  const isOpen = !mirror.startsWith(protocol);
  return {
    asked: 'first',
    names: 'all',
    reasons: isOpen ? [`${DAEMON}: ${mirror} is asked in plain HTTP. Write ${target.edge}.`] : [],
  };
}

/** @returns a sentence with the next step */
function whyRefused(mirror: string): string | undefined {
  const url = URL.parse(mirror);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return `${mirror} has neither https:// nor http:// in front. Add it.`;
  }
  if (url.username !== '' || url.password !== '') {
    return `a mirror, ${url.host}, is written with a login, which Docker refuses. Remove the login.`;
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return `${mirror} has a path, and Docker takes the root of a host alone. Write ${url.origin}.`;
  }
  return undefined;
}
