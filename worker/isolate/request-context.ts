/** What belongs to one request and to nothing else: its deadline, and what happened on its way. */

/** What the answer says of itself, in headers and in the log line. */
export interface Trace {
  /** How many objects of a store were read, health reads included. */
  reads: number;
  /** How long the answer waited for stores. */
  storeMilliseconds: number;
  /** Where the answer's object came from. */
  source?: 'memory' | 'edge' | 'store';
  /** The store that it was read from. */
  store?: number;
  /** Given although too old, because no store answers whose word is final: so many seconds. */
  staleSeconds?: number;
  /** When the tag moved there, or the object was mirrored. ISO 8601, UTC. */
  since?: string;
  /** The name of the token that the caller showed. */
  token?: string;
  /** What went wrong on the way, whether or not the answer suffered. Never a signed URL. */
  readonly failures: string[];
}

export interface RequestContext {
  /** When the client must have its first byte, by the edge's clock. Milliseconds. */
  readonly deadline: number;
  /** Lets work outlive the answer. */
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly trace: Trace;
}

export function newTrace(): Trace {
  return { reads: 0, storeMilliseconds: 0, failures: [] };
}
