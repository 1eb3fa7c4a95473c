/** Which repository of the bucket people mean: they name it by where it is served, or by where it comes from. */
import {
  formatReference,
  pathOf,
  upstreamOf,
  type Reference,
  type Repository,
} from '../../core/reference.ts';
import { entriesAskingFor } from '../asked-entries.ts';
import { UsageError } from '../command.ts';
import type { Configuration } from '../configuration/configuration.ts';

/**
 * Where it is served comes first: it is what is in the bucket. What the configuration does not know is taken as it
 * stands, for a bucket keeps what was mirrored once.
 * @throws {UsageError} for what is served under several names, where not one alone selects what is named
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
  const selecting = entriesAskingFor(entries, reference);
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
