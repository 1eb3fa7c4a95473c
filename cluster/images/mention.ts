/** The types of what a file, a dump or a cluster says about images. */
import type { Digest } from '../../core/digest.ts';
import type { ImageUse } from '../../core/in-use-list.ts';
import type { Reference } from '../../core/reference.ts';

export type { ImageUse } from '../../core/in-use-list.ts';

/** A Kubernetes object, by name. */
export type ObjectName = Pick<ImageUse, 'kind' | 'namespace' | 'name'>;

/** One place that names an image. */
export interface Mention {
  readonly kind: 'mention';
  readonly reference: Reference;
  /** The digest of the index or the manifest that runs under that name, if it is known. */
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
  /** Something was not read, so nobody knows which images it names. Other problems are about one name. */
  readonly isUnread?: true;
}

export type Found = Mention | Problem;

/** One object was made by another one, which then stands for it: the CronJob for its Jobs. */
export interface Control {
  readonly kind: 'control';
  readonly of: ObjectName;
  readonly by: ObjectName;
}

/** The findings in objects of Kubernetes. */
export type FoundInObjects = Found | Control;
