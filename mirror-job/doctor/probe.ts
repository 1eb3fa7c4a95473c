/** Asks the edge itself for the image of a probe, before a runtime of the node is blamed for not getting it. */
import type { Reply } from '../../cluster/doctor/observation.ts';
import { describeFailure, describeReply } from '../../cluster/doctor/reply.ts';
import { makeProbeImage, probePath } from '../../core/probe-image.ts';
import type { Upstream } from '../../core/reference.ts';
import { createAgents } from '../runtime/node/agents.ts';
import type { Proxies } from '../runtime/node/proxies.ts';
import { Requester } from './requester.ts';

const LIMITS = { answerMs: 10_000, bodyMs: 10_000 };

/** Sentences with the next step; undefined if nothing is in the way. */
export interface Obstacles {
  /** Why the edge does not give this machine the image. */
  readonly forAll: string | undefined;
  /** Why podman and CRI-O take nothing from it, which ask `/v2/` first. */
  readonly forPing: string | undefined;
}

export async function findObstacles(
  edge: string,
  upstream: Upstream,
  nonce: string,
  { token, proxies }: { readonly token: string | undefined; readonly proxies: Proxies },
): Promise<Obstacles> {
  const { digest } = await makeProbeImage(nonce);
  const agents = createAgents(proxies);
  try {
    const requester = new Requester(agents, LIMITS, AbortSignal.timeout(LIMITS.answerMs + LIMITS.bodyMs));
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const path = `/v2/${upstream}/${probePath(nonce)}/manifests/${digest}`;
    const { reply } = await requester.ask({ method: 'GET', url: `${edge}${path}`, headers });
    const forAll = whyRefused(edge, reply, { digest, hasToken: token !== undefined });
    if (forAll !== undefined) return { forAll, forPing: undefined };
    const { reply: ping } = await requester.ask({ method: 'GET', url: `${edge}/v2/`, headers });
    return { forAll, forPing: whyNoPing(edge, ping) };
  } finally {
    agents.httpAgent.destroy();
    agents.httpsAgent.destroy();
  }
}

function whyRefused(
  edge: string,
  reply: Reply,
  { digest, hasToken }: { readonly digest: string; readonly hasToken: boolean },
): string | undefined {
  if (reply.kind === 'failure') {
    return `${edge} did not answer this machine: ${describeFailure(reply)}. "lifeboat doctor ${edge}" tells more.`;
  }
  if (reply.status === 200 && reply.body.digest === digest) return undefined;
  if (reply.status === 401 || reply.status === 403) {
    return `${edge} ${describeReply(reply)}. ${hasToken ? 'It does not take the token of --token-file or lifeboat.yaml: give one that it knows.' : 'Give the token of the edge with --token-file.'}`;
  }
  if (reply.status === 404) {
    return `${edge} ${describeReply(reply)}, so it is an edge of an earlier release, which knows no probe, or no edge at all. "lifeboat doctor ${edge}" tells.`;
  }
  return `${edge} ${describeReply(reply)} for a probe. "lifeboat doctor ${edge}" tells why.`;
}

function whyNoPing(edge: string, ping: Reply): string | undefined {
  if (ping.kind === 'answer' && ping.status === 200) return undefined;
  return `${edge}/v2/ ${describeReply(ping)}, so podman and CRI-O take no image from it. "lifeboat doctor ${edge}" tells why.`;
}
