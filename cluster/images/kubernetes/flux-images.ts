/** The images that objects of Flux name: artifacts of OCIRepositories, and images in the values of HelmReleases. */
import { isDigest } from '../../../core/digest.ts';
import type { JsonObject } from '../../../core/json.ts';
import { at } from '../../check/parsed-file.ts';
import type { Found, ImageUse } from '../mention.ts';
import { imageNamed, problemOf, READ_PODS } from '../named-image.ts';
import { mentionsInText } from '../text-references.ts';
import { nestedObjects } from './nested-values.ts';
import type { ObjectOwner } from './object-owner.ts';

const OCI_SCHEME = /^oci:\/\//;

/** https://fluxcd.io/flux/components/source/ocirepositories/ */
export function* ociRepositoryImages(object: JsonObject, owner: ObjectOwner): Generator<Found> {
  const url = at(object, 'spec', 'url');
  if (typeof url !== 'string') return;
  const name = url.replace(OCI_SCHEME, '').replace(/\/+$/, '');
  const use: ImageUse = { ...owner.use, how: 'spec' };
  const running = fetchedArtifact(object, name, owner);
  const ref = at(object, 'spec', 'ref');
  const [digest, semver, tag] = ['digest', 'semver', 'tag'].map((key) => filled(at(ref, key)));
  // Flux asks for the first of these that is there.
  if (digest !== undefined) yield imageNamed(`${name}@${digest}`, use, owner.where);
  else if (semver === undefined) yield imageNamed(`${name}:${tag ?? 'latest'}`, use, owner.where);
  else if (running === undefined) {
    yield problemOf(
      use,
      owner.where,
      `it asks for the newest tag in the range "${semver.slice(0, 100)}" of ${name.slice(0, 300)}, which is not one tag. Select that range for the repository in lifeboat.yaml.`,
    );
  }
  if (running !== undefined) yield running;
}

/** `status.artifact.revision` is `<tag>@<digest>`, or the digest alone. */
function fetchedArtifact(object: JsonObject, name: string, owner: ObjectOwner): Found | undefined {
  const revision = at(object, 'status', 'artifact', 'revision');
  if (typeof revision !== 'string') return undefined;
  const [digest = '', tag] = revision.split('@').toReversed();
  if (!isDigest(digest)) return undefined;
  const suffix = tag === undefined ? `@${digest}` : `:${tag}`;
  const named = imageNamed(`${name}${suffix}`, { ...owner.use, how: 'running' }, owner.where);
  return named.kind === 'mention' ? { ...named, digest } : undefined;
}

/** Its url is the beginning of the charts' names, and which charts they are stands in other objects. */
export function* helmRepositoryImages(object: JsonObject, owner: ObjectOwner): Generator<Found> {
  const url = at(object, 'spec', 'url');
  if (at(object, 'spec', 'type') !== 'oci' || typeof url !== 'string') return;
  const name = url.replace(OCI_SCHEME, '').replace(/\/+$/, '').slice(0, 300);
  yield {
    kind: 'problem',
    where: owner.where,
    message: `the charts of ${name} were left out, because their names stand in HelmReleases. Add each to lifeboat.yaml as ${name}/<chart>.`,
  };
}

/** Images in the values of a chart, as most charts have them: `image: {registry, repository, tag, digest}`. */
export function* helmReleaseImages(object: JsonObject, owner: ObjectOwner): Generator<Found> {
  const use: ImageUse = { ...owner.use, how: 'spec' };
  for (const { key, value } of nestedObjects(at(object, 'spec', 'values'))) {
    if (isImageKey(key)) yield* imageOfValues(value, use, owner.where);
    for (const [name, text] of Object.entries(value)) {
      if (isImageKey(name) && typeof text === 'string') yield* mentionsInText(text, use);
    }
  }
}

function isImageKey(key: string): boolean {
  return /image$/i.test(key);
}

function* imageOfValues(image: JsonObject, use: ImageUse, where: string): Generator<Found> {
  const [registry, repository, tag, digest] = ['registry', 'repository', 'tag', 'digest'].map((key) =>
    filled(image[key]),
  );
  if (repository === undefined) return;
  const name = registry === undefined ? repository : `${registry}/${repository}`;
  if (tag === undefined && digest === undefined && !/[:@][^/]*$/.test(name)) {
    yield problemOf(
      use,
      where,
      `the values name ${name.slice(0, 300)} without a tag, which the chart decides. ${READ_PODS}`,
    );
    return;
  }
  const tagged = tag === undefined ? name : `${name}:${tag}`;
  yield imageNamed(digest === undefined ? tagged : `${tagged}@${digest}`, use, where);
}

/** A tag such as 1.27 is a number in YAML, and charts print it as such. */
function filled(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
