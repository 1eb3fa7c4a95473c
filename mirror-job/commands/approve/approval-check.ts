/** Checks that every approval can be carried out, before the first one is. */
import { formatReference, type Reference, type Repository } from '../../../core/reference.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import type { Approval } from '../../engine/tags/approve.ts';
import type { Environment } from '../../engine/environment.ts';
import { findManifest } from '../../engine/copy/find-manifest.ts';
import { createLimit } from '../../engine/support/limit.ts';
import { findTag } from '../../engine/tags/publish.ts';
import type { RepositoryState } from '../../engine/tags/repository-state.ts';
import { at, refuse, type WantedApproval } from './approval-list.ts';

/** The most approvals that are checked in parallel. */
const AT_ONCE = 8;

/**
 * Replaces each repository by the one under which the image is served, and leaves out repeated references.
 * @throws {UsageError} for a tag that is to point to two digests
 */
export function locateApprovals(
  wanted: readonly WantedApproval[],
  locate: (reference: Reference) => Repository,
): readonly WantedApproval[] {
  const found = new Map<string, WantedApproval>();
  const problems: string[] = [];
  for (const { reference, place } of wanted) {
    try {
      const own = { ...reference, repository: locate(reference) };
      const key = formatReference({ ...own, digest: undefined });
      const first = found.get(key);
      if (first === undefined) {
        found.set(key, { reference: own, place });
      } else if (first.reference.digest !== own.digest) {
        const where = first.place === undefined ? 'on the command line' : `at ${first.place}`;
        problems.push(at(place, `${key} has another digest ${where}. Keep only one of the two.`));
      }
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(at(place, error.message));
    }
  }
  refuse(problems);
  return [...found.values()];
}

/**
 * Checks that each digest is stored, and that the bucket knows its tag.
 * @throws {UsageError} with every reference that cannot be approved
 * @throws {StoreError}
 */
export async function checkApprovals(
  environment: Environment,
  states: ReadonlyMap<Repository, RepositoryState>,
  wanted: readonly WantedApproval[],
  attribution: Pick<Approval, 'reason' | 'by'>,
): Promise<readonly Approval[]> {
  const problems: string[] = [];
  const limit = createLimit(AT_ONCE);
  const checked = await Promise.all(
    wanted.map((one) =>
      limit(async (): Promise<Approval | string> => {
        const { repository, tag, digest } = one.reference;
        const name = formatReference({ repository, tag: undefined, digest: undefined });
        const target = await findManifest(environment, repository, digest);
        if (target === undefined) {
          return at(
            one.place,
            `the bucket does not have ${name}@${digest}, or has only a part of it. Run "lifeboat sync ${name}:${tag}" first, or "lifeboat sync ${name}@${digest}" if upstream's tag has moved on.`,
          );
        }
        const isKnown = states
          .get(repository)
          ?.entries()
          .some((entry) => 'tag' in entry && entry.tag === tag);
        // A misspelt tag would become a new tag, which no run mirrors.
        if (isKnown !== true && (await findTag(environment, repository, tag)) === undefined) {
          return at(
            one.place,
            `${name} has no tag "${tag}" in the bucket. Run "lifeboat sync ${name}:${tag}" first.`,
          );
        }
        return { repository, tag, target, ...attribution, isListed: one.place !== undefined };
      }),
    ),
  );
  for (const one of checked) if (typeof one === 'string') problems.push(one);
  refuse(problems);
  return checked.filter((one) => typeof one !== 'string');
}
