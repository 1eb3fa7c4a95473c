/** Judges a list of endpoints, as registries.yaml and the old form of config.toml have them: addresses in the order in which they are asked. */
import { nameOf } from '../clients/address.ts';
import type { MirroredUpstream } from '../clients/setup.ts';
import {
  isAtUpstream,
  notAsked,
  placeOfEdge,
  whyWrongAddress,
  type Answer,
  type MirrorTarget,
} from './verdict.ts';

/** @param file that has the list. The upstream is asked after all endpoints, unless it is one of them */
export function checkEndpoints(
  endpoints: readonly string[],
  upstream: MirroredUpstream,
  target: MirrorTarget,
  file: string,
): Answer {
  const addresses = endpoints.map((address) => (address.includes('://') ? address : `https://${address}`));
  const edgeAt = placeOfEdge(target, addresses);
  const address = addresses[edgeAt];
  if (address === undefined) return notAsked(`${file} does not name ${target.edge} for ${nameOf(upstream)}.`);
  // Without a path the runtime asks at /v2, and with one it takes it as it is.
  const isPathWhole = !['', '/'].includes(URL.parse(address)?.pathname ?? '');
  const wrong = whyWrongAddress({ address, isPathWhole }, upstream.name, target);
  if (wrong !== undefined) return notAsked(`${file}: ${endpoints[edgeAt] ?? address}: ${wrong}.`);
  const upstreamAt = addresses.findIndex((one) => isAtUpstream(upstream, one));
  const isLast = upstreamAt !== -1 && upstreamAt < edgeAt;
  return { asked: isLast ? 'last' : 'first', names: 'all', reasons: [] };
}
