/** The plain data of a drill: the images that clusters run, and what the bucket and the edge have of each. */
import type { Digest } from '../../core/digest.ts';
import type { Audience } from '../../core/identity.ts';
import type { ImageUse } from '../../core/in-use-list.ts';
import type { Reference } from '../../core/reference.ts';

/** A use of an image, and the cluster that has it. */
export interface ClusterUse extends ImageUse {
  readonly cluster: string;
}

/** One name, and what runs under it. */
export interface DrilledImage {
  readonly reference: Reference;
  /** The digest that runs: the reference's own if it has one. Undefined if no list says it. */
  readonly digest: Digest | undefined;
  /** Of the nodes, sorted; undefined if no list says them. */
  readonly platforms: readonly string[] | undefined;
  /** The clusters that use it, sorted; one without a name is that of a list that was made of files. */
  readonly clusters: readonly string[];
  /** Those that the lists have, which are at most 20 per cluster. */
  readonly uses: readonly ClusterUse[];
  /** How many uses it has. */
  readonly useCount: number;
}

/** Something could not be looked at. `failed` is a sentence. */
export interface Failed {
  readonly failed: string;
}

/** The bucket has something else at the object's key. `damaged` is a sentence. */
export interface Damaged {
  readonly damaged: string;
}

/** An index in the bucket, or the manifest of one image, and the platforms that are not there. */
export interface ManifestFacts {
  readonly digest: Digest;
  /** The platforms of the nodes whose manifest the bucket lacks. */
  readonly missing: readonly string[];
  /** The platforms of the nodes for which the index names no manifest. */
  readonly unlisted: readonly string[];
  /** Whether the platforms were those of the nodes. If no list says them, they are all that the index names. */
  readonly arePlatformsKnown: boolean;
}

export interface TagFacts extends ManifestFacts {
  /** Whether the bucket has the manifest under its digest too: clients ask for it so once they have the tag. */
  readonly hasManifest: boolean;
  /** When the tag moved to its digest. ISO 8601, UTC. */
  readonly moved: string;
  /** The platforms that are mirrored, if they are a choice. */
  readonly mirrored: readonly string[] | undefined;
}

/** The job's memory of a tag's upstream. */
export interface UpstreamFacts {
  /** The latest digest that upstream has shown under the tag after the one that is served. */
  readonly newer: { readonly digest: Digest; readonly firstSeen: string } | undefined;
  /** Why the tag does not follow upstream; undefined if it follows. */
  readonly hold: string | undefined;
  /** Since when upstream lacks the tag. ISO 8601, UTC. */
  readonly gone: string | undefined;
  /** Whether upstream showed what runs before the served digest or after it; undefined if that is not known. */
  readonly running: 'older' | 'newer' | undefined;
}

/** The bucket's part of an image. A reference with a digest is looked up by it, also if it has a tag: nodes ask for the digest. */
export type BucketFacts =
  | {
      readonly by: 'tag';
      readonly tag: TagFacts | 'absent' | Damaged | Failed;
      /** Whether the bucket has what runs; undefined if the tag gives it, or if no list says what runs. */
      readonly running: 'stored' | 'absent' | Failed | undefined;
      readonly upstream: UpstreamFacts | 'absent' | Failed;
    }
  | { readonly by: 'digest'; readonly manifest: ManifestFacts | 'absent' | Damaged | Failed };

/**
 * Why the bucket lacks an image, as far as the job's last run and the configuration say. `private`: the run refused it, because
 * upstream does not show it to everybody, and everybody may read the bucket.
 */
export interface Absence {
  readonly reason: 'private' | 'failed' | 'skipped' | 'not-selected' | 'not-known';
  /** A clause. */
  readonly says: string;
}

/** The job's last run, as far as its report in the bucket says. Keys that an older job has not written are left out. */
export interface LastRun {
  /** ISO 8601, UTC. */
  readonly ended: string;
  readonly isSuccess?: boolean;
  /** How many tags and digests failed. */
  readonly failed?: number;
  readonly findings?: number;
  readonly isInterrupted?: boolean;
}

/** Whether an upstream wants a login: `short-lived` if passwords of its kind end within hours, as those of cloud providers do. */
export type UpstreamLogin = 'configured' | 'short-lived';

/** The rights to pull, as far as it is known without asking a node or an upstream. */
export interface Access {
  /** Whom the bucket is for. */
  readonly audience: Audience | Failed;
  /** Whether the drill asked the edge with a token; undefined if it did not ask. */
  readonly hasToken: boolean | undefined;
}

/** The edge's answer to a pull of an image. */
export type EdgeFacts =
  | { readonly answer: 'pulled'; readonly digest: Digest }
  /**
   * @param says a predicate, without its subject: `answered HEAD … with 404`
   * @param isDenied whether the edge does not let this caller read the image
   */
  | { readonly answer: 'refused'; readonly says: string; readonly isDenied?: boolean }
  | { readonly answer: 'failed'; readonly says: string };
