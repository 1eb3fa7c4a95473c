/** The types of a check of a node, and the rules for addresses of the edge. */
import type { Upstream } from '../../core/reference.ts';
import { nameOf, originOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';

/** The edge, and the registries for whose images a runtime should ask it. */
export interface MirrorTarget {
  /** The edge's origin. */
  readonly edge: string;
  readonly upstreams: readonly MirroredUpstream[];
}

/** Whether a runtime of the node would ask the edge for the images of one upstream. */
export interface Verdict extends Answer {
  /** The runtime's name for people: `containerd 2`. */
  readonly runtime: string;
  /** The registry's name: `docker.io`. */
  readonly upstream: string;
}

export interface Answer {
  /** `first`: before the upstream. `last`: only when the upstream fails. `no`: never. */
  readonly asked: 'first' | 'last' | 'no';
  /** Whether the edge is asked for tags, for digests, for both or for neither. */
  readonly names: 'all' | 'tags' | 'digests' | 'none';
  /** Why, and what to do about it: sentences. Empty if nothing is wrong. */
  readonly reasons: readonly string[];
}

export function notAsked(...reasons: readonly string[]): Answer {
  return { asked: 'no', names: 'none', reasons };
}

/** A mirror as a file names it. */
export interface MirrorAddress {
  /** With its scheme. */
  readonly address: string;
  /** Whether the runtime takes the path as it is, and does not add `/v2`. */
  readonly isPathWhole: boolean;
}

/**
 * Finds out whether the address of a mirror leads to an upstream's images at the edge. The edge learns from the path which registry is meant, or, if
 * the path is `/v2` or none, from `?ns=`.
 * @returns why it does not, as a part of a sentence; undefined for a good address
 */
export function whyWrongAddress(
  { address, isPathWhole }: MirrorAddress,
  upstream: Upstream,
  { edge }: MirrorTarget,
): string | undefined {
  const url = URL.parse(address);
  if (url !== null && url.protocol !== new URL(edge).protocol) {
    return `the edge would be asked ${url.protocol === 'http:' ? 'in plain HTTP' : 'by https'}, and is ${edge}`;
  }
  const path = (url?.pathname ?? '').replace(/\/$/, '');
  if (isPathWhole) {
    if (path === '/v2' || path === `/v2/${upstream}`) return undefined;
    return `the edge would be asked at ${path === '' ? '/' : path}, and knows the registry at /v2/${upstream}`;
  }
  if (path === '' || path === '/v2') return undefined;
  return 'it has a path and no override_path = true, so the runtime appends /v2 to it, and every answer is a 404';
}

/** @returns the index of the first address of the edge, one with the edge's scheme if there is one; -1 if none is at the edge */
export function placeOfEdge(target: MirrorTarget, addresses: readonly string[]): number {
  const exact = addresses.findIndex((address) => URL.parse(address)?.origin === new URL(target.edge).origin);
  return exact === -1 ? addresses.findIndex((address) => isAtEdge(target, address)) : exact;
}

/** Whether an address or a location of a mirror is at the edge. */
export function isAtEdge({ edge }: MirrorTarget, address: string): boolean {
  const url = URL.parse(address.includes('://') ? address : `https://${address}`);
  return url !== null && url.host === new URL(edge).host;
}

/** Whether an address or a location of a mirror is that of the upstream itself. */
export function isAtUpstream(upstream: MirroredUpstream, address: string): boolean {
  const host = URL.parse(address.includes('://') ? address : `https://${address}`)?.host;
  return [originOf(upstream), `https://${nameOf(upstream)}`].some((own) => URL.parse(own)?.host === host);
}
