/**
 * Finds the repository of the bucket that a person means. People name it by where it is served, or by where it comes
 * from.
 */
import {
  formatReference,
  pathOf,
  upstreamOf,
  type Reference,
  type Repository,
} from '../../../core/reference.ts';
import { selectingEntries } from './image-selection.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import type { Configuration } from '../../configuration/configuration.ts';

/**
 * The name under which an image is served comes first, because the bucket uses it. A name that the configuration does
 * not know is taken as it stands, because a bucket keeps everything that was ever mirrored.
 * @throws {UsageError} for an image that is served under several names, unless one alone selects the named tag or
 *   digest
 */
export function findRepository({ images }: Configuration, reference: Reference): Repository {
  const { repository } = reference;
  if (images.some((image) => image.repository === repository)) return repository;
  const entries = images.filter(
    ({ source }) =>
      source.kind === 'registry' &&
      source.upstream === upstreamOf(repository) &&
      source.path === pathOf(repository),
  );
  const selecting = selectingEntries(entries, reference);
  const names = new Set((selecting.length === 0 ? entries : selecting).map((entry) => entry.repository));
  const [only = repository, ...others] = names;
  if (others.length === 0) return only;
  const list = [...names]
    .map((name) => formatReference({ repository: name, tag: undefined, digest: undefined }))
    .join(' and ');
  throw new UsageError(
    `"${formatReference(reference)}" has several names in the configuration: ${list}. Name one of them.`,
  );
}
