/** The state that belongs to one request alone: its deadline, and a record of what happened on the way. */

/** The place that the object of an answer came from: this isolate's memory, the data centre's cache, or a store. */
export type Source = 'memory' | 'edge' | 'store';

/** Lets work outlive the answer, as the runtime's `waitUntil`. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** The facts that an answer tells about itself, in its headers and in the log line. */
export interface Trace {
  /** How many objects were read from stores, health checks included. */
  reads: number;
  /** How long the answer waited for stores. */
  storeMs: number;
  source?: Source;
  /** The number of the store that the object was read from. */
  store?: number;
  /** How old the object is, if it is too old and was answered because no store answers whose word is final. */
  staleSeconds?: number;
  /** When the tag moved to this digest, or when the object was mirrored. ISO 8601, UTC. */
  since?: string;
  /** The name of the token that the request has. */
  token?: string;
  /** The image that the bucket lacks, as `formatReference` writes it, because the path alone lacks `?ns=` and the host. */
  miss?: string;
  /** Failures on the way, also those that did not change the answer. Never a signed URL. */
  readonly failures: string[];
}

export interface RequestContext {
  /** When the client must have its first byte. */
  readonly deadlineMs: number;
  readonly waitUntil: WaitUntil;
  readonly trace: Trace;
}

export function newTrace(): Trace {
  return { reads: 0, storeMs: 0, failures: [] };
}

/** The context of work that goes on after the answer: its failures are not the answer's. */
export function backgroundContext(context: RequestContext, deadlineMs: number): RequestContext {
  return { ...context, deadlineMs, trace: newTrace() };
}
