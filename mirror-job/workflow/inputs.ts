/** The inputs of the workflows. They survive JSON. */

/** Which images an instance opens. */
export interface WorkScope {
  /** The run's name in tags, history and reports. */
  readonly run: string;
  /** The names under which the images are served. */
  readonly repositories: readonly string[];
  /** The references that clients have asked for, if the instance mirrors these alone, and not what each run mirrors. */
  readonly demanded?: readonly string[];
}

/** The input of the part of a run that mirrors from one upstream. */
export interface UpstreamInput extends WorkScope {
  /** The registry's host. */
  readonly upstream: string;
}

/** The input of an instance that mirrors what clients have asked for. */
export interface DemandInput {
  readonly run: string;
  /** The configuration's name. */
  readonly name: string;
  /** Each has a tag or a digest. */
  readonly references: readonly string[];
}

/** The input of the copy of one large blob. */
export interface BlobInput extends Omit<WorkScope, 'repositories'> {
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
