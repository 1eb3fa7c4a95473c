/** The names of one image that a node has stored. */
import type { Digest } from '../../core/digest.ts';
import type { Reference } from '../../core/reference.ts';
import { readImageName } from './named-image.ts';

export interface StoredName {
  readonly reference: Reference;
  readonly digest?: Digest;
}

const LOADED = /\/import-\d{4}-\d\d-\d\d@/;

/**
 * Joins the tags of an image with its digest. If a repository has several digests (an index and its manifest, or two
 * indexes of one image), nobody can tell which belongs to the tag, so that each stands for itself.
 * @param names tags and digests, as the kubelet and crictl list them
 */
export function namesOfStoredImage(names: readonly string[]): StoredName[] {
  const references = names.flatMap((name) => referenceIn(name) ?? []);
  const byRepository = Map.groupBy(references, ({ repository }) => repository);
  return [...byRepository.values()].flatMap((group) => {
    const tagged = group.filter(({ tag }) => tag !== undefined);
    const digests = [...new Set(group.flatMap((reference) => reference.digest ?? []))];
    const [digest] = digests;
    if (tagged.length > 0 && digests.length === 1 && digest !== undefined) {
      return tagged.map((reference) => ({ reference, digest }));
    }
    return group.map((reference) => ({
      reference,
      ...(reference.digest !== undefined && { digest: reference.digest }),
    }));
  });
}

/** Whether it is the name that containerd gives to an image that was loaded from a file. No registry has its digest. */
export function isLoaded(name: string): boolean {
  return LOADED.test(name);
}

/** `<none>:<none>` is no name, and neither is an id. */
function referenceIn(name: string): Reference | undefined {
  const named = isLoaded(name) ? undefined : readImageName(name);
  if (named === undefined || 'reason' in named) return undefined;
  const { tag, digest } = named.reference;
  return tag === undefined && digest === undefined ? undefined : named.reference;
}
