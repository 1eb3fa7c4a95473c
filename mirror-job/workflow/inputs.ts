/** The inputs of the workflows. They survive JSON. */

/** The input of a run. */
export interface RunInput {
  /** When the run was due. ISO 8601, UTC. */
  readonly due: string;
}

/** The input of the part of a run that mirrors from one upstream. */
export interface UpstreamInput {
  /** Names the run in tags, history and reports. */
  readonly run: string;
  /** Names it in messages: a registry's host. */
  readonly upstream: string;
  /** The repositories that are served here. */
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
  /** The repository that it is served in. */
  readonly repository: string;
  /** The name of the source that has it, as in messages: `docker.io/library/app`. */
  readonly source: string;
}
