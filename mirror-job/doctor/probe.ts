/** Asks the edge itself for the image of a probe, before a runtime of the node is blamed for not getting it. */
import { describeFailure, describeReply } from '../../cluster/doctor/reply.ts';
import { makeProbeImage, probePath } from '../../core/probe-image.ts';
import type { Upstream } from '../../core/reference.ts';
import { createAgents } from '../runtime/node/agents.ts';
import type { Proxies } from '../runtime/node/proxies.ts';
import { Requester } from './requester.ts';

const LIMITS = { answerMs: 10_000, bodyMs: 10_000 };

/** @returns why the edge does not give this machine the image: sentences with the next step; undefined if it does */
export async function whyNoProbe(
  edge: string,
  upstream: Upstream,
  nonce: string,
  { token, proxies }: { readonly token: string | undefined; readonly proxies: Proxies },
): Promise<string | undefined> {
  const { digest } = await makeProbeImage(nonce);
  const agents = createAgents(proxies);
  try {
    const requester = new Requester(agents, LIMITS, AbortSignal.timeout(LIMITS.answerMs + LIMITS.bodyMs));
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const path = `/v2/${upstream}/${probePath(nonce)}/manifests/${digest}`;
    const { reply } = await requester.ask({ method: 'GET', url: `${edge}${path}`, headers });
    if (reply.kind === 'failure') {
      return `${edge} did not answer this machine: ${describeFailure(reply)}. "lifeboat doctor ${edge}" tells more.`;
    }
    if (reply.status === 200 && reply.body.digest === digest) {
      const { reply: ping } = await requester.ask({ method: 'GET', url: `${edge}/v2/`, headers });
      // podman and CRI-O ask this first.
      return ping.kind === 'answer' && ping.status === 200
        ? undefined
        : `${edge}/v2/ ${describeReply(ping)}, so podman and CRI-O take no image from it. "lifeboat doctor ${edge}" tells why.`;
    }
    if (reply.status === 401 || reply.status === 403) {
      return `${edge} ${describeReply(reply)}. Give the token of the edge with --token-file.`;
    }
    if (reply.status === 404) {
      return `${edge} ${describeReply(reply)}, so it is an edge of an earlier release, which knows no probe, or no edge at all. "lifeboat doctor ${edge}" tells.`;
    }
    return `${edge} ${describeReply(reply)} for a probe. "lifeboat doctor ${edge}" tells why.`;
  } finally {
    agents.httpAgent.destroy();
    agents.httpsAgent.destroy();
  }
}
