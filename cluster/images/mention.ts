/** The types of what a file, a dump or a cluster says about images. */
import type { Digest } from '../../core/digest.ts';
import type { Reference } from '../../core/reference.ts';

/** What uses an image. */
export interface ImageUse {
  /** Of a Kubernetes object; left out for a file, and for an object without one. */
  readonly namespace?: string;
  /** `Deployment`, `Pod`, `Node`; of a file its format: `Dockerfile`, `compose`. */
  readonly kind: string;
  /** Of the object; of a file its path. */
  readonly name: string;
  /** Of the container, the service or the build stage. */
  readonly container?: string;
  /** `spec`: it is asked for. `running`: it runs now. `text`: a text names it, so it may be another thing. */
  readonly how: 'spec' | 'running' | 'text';
}

/** One place that names an image. */
export interface Mention {
  readonly kind: 'mention';
  readonly reference: Reference;
  /** What runs under that name, if that is known: the digest of an index or a manifest. */
  readonly digest?: Digest;
  /** Of the node that runs it: `linux/arm64`. */
  readonly platform?: string;
  readonly use: ImageUse;
}

/** Something that should have named an image and does not. The rest goes on. */
export interface Problem {
  readonly kind: 'problem';
  /** File and line, or file and object: `pods.json: Pod default/web`. */
  readonly where: string;
  /** A sentence, which says what was left out. */
  readonly message: string;
}

export type Found = Mention | Problem;
