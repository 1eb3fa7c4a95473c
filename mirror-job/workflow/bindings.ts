/** What the Worker is bound to. mirror-job/wrangler.toml names each of these, and wrangler sets the variables and secrets. */
import type { R2Binding } from '../storage/r2/r2-binding.ts';
import type { BlobInput, RunInput, UpstreamInput } from './inputs.ts';

export interface JobBindings {
  /** The text of lifeboat.yaml; left out if it is in the bucket. */
  readonly CONFIGURATION?: string;
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
