/** What the Worker is bound to. mirror-job/wrangler.toml names each of these, and wrangler sets the variables and secrets. */
import type { R2Binding } from '../storage/r2/r2-binding.ts';

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

export interface JobBindings {
  /** The bucket; left out for a store of another provider, which the variables below name. */
  readonly BUCKET?: R2Binding;
  readonly S3_ENDPOINT?: string;
  readonly S3_BUCKET?: string;
  /** `auto` if it is left out. */
  readonly S3_REGION?: string;
  readonly S3_ACCESS_KEY_ID?: string;
  readonly S3_SECRET_ACCESS_KEY?: string;
  /** The folder of the mirror in the bucket; left out for the whole bucket. */
  readonly S3_PREFIX?: string;
  readonly RUN: Workflow<RunInput>;
  readonly UPSTREAM: Workflow<UpstreamInput>;
  readonly BLOB: Workflow<BlobInput>;
}
