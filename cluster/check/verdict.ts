/** What a check of a node says. */
import type { MirroredUpstream } from '../clients/setup.ts';

export interface Question {
  /** The edge's origin. */
  readonly edge: string;
  readonly upstreams: readonly MirroredUpstream[];
}

/** Whether a runtime of the node would ask the edge for the images of one upstream. */
export interface Verdict {
  /** The runtime's name for people: `containerd 2`. */
  readonly runtime: string;
  /** The registry's name: `docker.io`. */
  readonly upstream: string;
  /** `first`: before the upstream. `last`: only when the upstream fails. `no`: never. */
  readonly asked: 'first' | 'last' | 'no';
  /** Whether it is asked what a tag is, too. */
  readonly tags: boolean;
  /** Why, and what to do about it: sentences. Empty if nothing is wrong. */
  readonly reasons: readonly string[];
}

/** Whether an address or a location of a mirror is at the edge. */
export function isAtEdge({ edge }: Question, address: string): boolean {
  const url = URL.parse(address.includes('://') ? address : `https://${address}`);
  return url !== null && url.host === new URL(edge).host;
}
