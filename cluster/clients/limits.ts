/** Finds the parts of a setup that a runtime cannot express. Each part that is asked for and left out gets a sentence. */
import { isInsecureEdge } from './address.ts';
import type { ClientSetup } from './setup.ts';

/** The abilities of a runtime's configuration: true, or the reason against it, as the end of a sentence after "because". */
export interface Abilities {
  readonly digestsOnly: true | string;
  readonly upstreamFirst: true | string;
  readonly token: true | string;
  readonly peers: true | string;
  readonly everyRegistry: true | string;
}

/** @param runtime the name for messages: `k3s` */
export function limitsOf(runtime: string, setup: ClientSetup, abilities: Abilities): string[] {
  const asked: readonly [boolean, true | string, string][] = [
    [!setup.tags, abilities.digestsOnly, 'asks the edge for tags too'],
    [setup.order === 'upstream-first', abilities.upstreamFirst, 'asks the edge before the upstream'],
    [setup.token !== undefined, abilities.token, 'does not send the token, so the edge refuses it'],
    [setup.peers.length > 0, abilities.peers, 'does not ask the peers'],
    [setup.upstreams === 'all', abilities.everyRegistry, 'is not configured for every registry'],
  ];
  const limits = asked.flatMap(([isAsked, can, instead]) =>
    isAsked && can !== true ? [`${runtime} ${instead}, because ${can}.`] : [],
  );
  const isTokenOpen = setup.token !== undefined && abilities.token === true && isInsecureEdge(setup);
  return isTokenOpen ? [...limits, openToken(runtime, setup)] : limits;
}

function openToken(runtime: string, { edge }: ClientSetup): string {
  return `${runtime} sends the token to ${edge} by plain HTTP, so everybody on the way can read it, and use it. Give the edge a certificate, and write https.`;
}
