/** Waits until a deployed edge answers, because a new host name gets its certificate some minutes after the deployment. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../../cluster/doctor/observation.ts';
import { describeFailure, errorOf } from '../../cluster/doctor/reply.ts';
import { Requester } from '../doctor/requester.ts';
import { createAgents } from '../runtime/node/agents.ts';
import type { Proxies } from '../runtime/node/proxies.ts';
import { StoppedError } from './wrangler.ts';

const LIMITS = { answerMs: 10_000, bodyMs: 10_000 };
const PAUSE_MS = 3000;

export interface WaitOptions {
  readonly proxies: Proxies;
  readonly signal: AbortSignal;
  /** The longest time in which it is asked again. */
  readonly waitMs: number;
  /** Whether the bucket has been prepared by a run, or is about to be. Otherwise a 503 is what the edge has to answer. */
  readonly needsStore: boolean;
  /** Called when there is something new to say about why it is still waited for. */
  readonly say: (why: string) => void;
}

/** `live`: it answers, and reads its bucket. `empty`: it answers, and the bucket lacks what a first run makes. */
export type EdgeState =
  | { readonly state: 'live' | 'empty' }
  | { readonly state: 'late'; readonly why: string };

/** @throws {StoppedError} */
export async function waitForEdge(url: string, options: WaitOptions): Promise<EdgeState> {
  const { proxies, signal, waitMs, needsStore, say } = options;
  const end = performance.now() + waitMs;
  const agents = createAgents(proxies);
  try {
    const requester = new Requester(agents, LIMITS, signal);
    let said: string | undefined;
    for (;;) {
      const { reply } = await requester.ask({ method: 'GET', url: `${url}/healthz` });
      if (signal.aborted) throw new StoppedError();
      if (reply.kind === 'answer' && isOfEdge(reply.body.start)) {
        if (reply.status === 200) return { state: 'live' };
        if (reply.status === 503 && !needsStore) return { state: 'empty' };
      }
      const why = whyNot(reply);
      if (performance.now() >= end) return { state: 'late', why };
      if (why !== said) say(why);
      said = why;
      await sleep(Math.min(PAUSE_MS, waitMs), undefined, { signal }).catch(() => {});
    }
  } finally {
    agents.httpAgent.destroy();
    agents.httpsAgent.destroy();
  }
}

/** Whether a body is that of `/healthz`, and not the page of a host name that is not the edge's yet. */
function isOfEdge(body: string): boolean {
  return /^\{"live":(?:true|false)/.test(body);
}

function whyNot(reply: Reply): string {
  if (reply.kind === 'failure') return describeFailure(reply);
  if (isOfEdge(reply.body.start))
    return 'it answers, and cannot read lifeboat.json in its bucket: no run has written it yet, or the address or the key is wrong';
  // A variable that the edge cannot use is named in its answer.
  const message = errorOf(reply)?.message ?? '';
  return `it answers ${reply.status}${message === '' ? '' : `: ${message.replace(/\.$/, '')}`}`;
}
