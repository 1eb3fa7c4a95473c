/** Writes images as the lists that tools read. */
import { Document } from 'yaml';
import { pathOf, formatUpstream, parseReference, upstreamOf, type Repository } from '../../core/reference.ts';
import type { SeenImage } from '../../core/in-use-list.ts';

export const LIST_FORMATS = ['lifeboat', 'regsync', 'skopeo', 'hauler'] as const;

export type ListFormat = (typeof LIST_FORMATS)[number];

/** @returns the text of a file. Images that only a text names are in it too: `images` says which */
export function writeList(format: ListFormat, images: readonly SeenImage[]): string {
  switch (format) {
    case 'lifeboat':
      return yamlText({ images: lifeboatEntries(images) });
    case 'regsync':
      return yamlText({
        version: 1,
        sync: namesOf(images).map((source) => ({
          source,
          // regsync reads the variable: it has to name the registry that is filled.
          target: `{{env "MIRROR"}}/${source}`,
          type: 'image',
        })),
      });
    case 'skopeo':
      return yamlText(skopeoEntries(images));
    case 'hauler':
      return yamlText({
        apiVersion: 'content.hauler.cattle.io/v1',
        kind: 'Images',
        metadata: { name: 'lifeboat-images' },
        spec: { images: namesOf(images).map((name) => ({ name })) },
      });
  }
}

/** One row for each image, with a heading. Fields are quoted as in RFC 4180. */
export function csvText(images: readonly SeenImage[]): string {
  const rows = images.map(({ reference, digest, platforms = [], uses, useCount }) => [
    reference,
    digest ?? '',
    platforms.join(' '),
    String(useCount),
    uses.map((use) => `${use.how} ${describeUse(use)}`).join('; '),
  ]);
  return [['image', 'digest', 'platforms', 'useCount', 'uses'], ...rows]
    .map((row) => `${row.map(csvField).join(',')}\r\n`)
    .join('');
}

/** A use in one line: `Deployment shop/web app`. */
export function describeUse({ namespace, kind, name, container }: SeenImage['uses'][number]): string {
  return [kind, namespace === undefined ? name : `${namespace}/${name}`, container]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** A spreadsheet would take a text that begins with one of these for a formula. */
function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Beside each tag, what runs under it: the tag may have moved since, or move before the next run, and a pod has to start again as it
 * was. The lists of other tools have names alone, because a copy by digest has no tag in the registry that they fill.
 */
function lifeboatEntries(images: readonly SeenImage[]): object[] {
  return groups(images, (image) => namedDigest(image) ?? image.digest).map(({ repository, tags, digests }) =>
    Object.assign(
      { source: `${formatUpstream(upstreamOf(repository))}/${pathOf(repository)}` },
      tags.length > 0 && { tags },
      digests.length > 0 && { digests },
    ),
  );
}

function skopeoEntries(images: readonly SeenImage[]): object {
  const byUpstream = Map.groupBy(groups(images, namedDigest), ({ repository }) => upstreamOf(repository));
  return Object.fromEntries(
    [...byUpstream].map(([upstream, own]) => [
      formatUpstream(upstream),
      {
        images: Object.fromEntries(
          own.map(({ repository, tags, digests }) => [pathOf(repository), [...tags, ...digests]]),
        ),
      },
    ]),
  );
}

interface Group {
  readonly repository: Repository;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

function groups(
  images: readonly SeenImage[],
  digestOf: (image: SeenImage) => string | undefined,
): readonly Group[] {
  const named = images.map((image) => ({
    ...parseReference(image.reference),
    pinned: digestOf(image),
  }));
  return [...Map.groupBy(named, ({ repository }) => repository)].map(([repository, own]) => ({
    repository,
    // Beside a digest, a tag is only a name for people.
    tags: [...new Set(own.flatMap(({ tag, digest }) => (digest === undefined ? (tag ?? []) : [])))],
    digests: [...new Set(own.flatMap(({ pinned }) => pinned ?? []))],
  }));
}

function namedDigest({ reference }: SeenImage): string | undefined {
  return parseReference(reference).digest;
}

/** Two digests of one tag are one name. */
function namesOf(images: readonly SeenImage[]): readonly string[] {
  return [...new Set(images.map(({ reference }) => reference))];
}

function yamlText(value: unknown): string {
  return new Document(value, { aliasDuplicateObjects: false }).toString({ lineWidth: 0, singleQuote: true });
}
