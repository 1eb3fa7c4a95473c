/** The Worker's bindings. mirror-job/wrangler.toml names each of them, and wrangler sets the variables and secrets. */
import type { StoreBindings } from './bound-store.ts';
import type { BlobInput, DemandInput, UpstreamInput } from './inputs.ts';

export interface JobBindings extends StoreBindings {
  /** The text of lifeboat.yaml; left out if it is in the bucket. */
  readonly CONFIGURATION?: string;
  readonly RUN: Workflow;
  readonly UPSTREAM: Workflow<UpstreamInput>;
  readonly BLOB: Workflow<BlobInput>;
  readonly DEMAND: Workflow<DemandInput>;
}
