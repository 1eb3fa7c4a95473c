/** The interface of the table's clients. Each one gets the files of `lifeboat clients`. */
import type { ClientFileTemplates } from './client-file-templates.ts';
import type { FaultImage } from './images.ts';
import type { Row } from './rows.ts';

export const PULLER_NAMES = [
  'containerd 1.6, CRI',
  'containerd 2, CRI',
  'ctr 1.6',
  'ctr 2',
  'podman',
  'skopeo',
] as const;
export type PullerName = (typeof PULLER_NAMES)[number];

export interface PullerOptions {
  readonly templates: ClientFileTemplates;
  readonly rows: readonly Row[];
  /** The root certificate of the upstreams, in PEM. */
  readonly root: string;
}

/** One image, and one client that is configured for it and has nothing of it yet. */
export interface Pull {
  /** @throws the client's own words, or that it did not end in time */
  attempt(timeoutMs: number): Promise<void>;
  /** Compares what the client keeps with the image. */
  kept(): Promise<Kept>;
  /** Removes what belongs to this pull alone. */
  stop(): Promise<void>;
}

/** Names of objects: digests, and paths of unpacked files. */
export interface Kept {
  readonly wrong: readonly string[];
  readonly missing: readonly string[];
}

export interface Puller {
  prepare(row: Row, image: FaultImage): Promise<Pull>;
  stop(): Promise<void>;
}
