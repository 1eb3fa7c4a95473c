/** The inputs of the workflows. They survive JSON. */

/** The input of the part of a run that mirrors from one upstream. */
export interface UpstreamInput {
  /** The run's name in tags, history and reports. */
  readonly run: string;
  /** The registry's host. */
  readonly upstream: string;
  /** The names under which images of this upstream are served. */
  readonly repositories: readonly string[];
}

/** The input of the copy of one large blob. */
export interface BlobInput {
  readonly run: string;
  readonly blob: LargeBlob;
}

/** A blob that is copied by an instance of its own. */
export interface LargeBlob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** A repository that needs it. */
  readonly repository: string;
  /** The name of a source that has it, as in messages: `docker.io/library/app`. */
  readonly source: string;
}
