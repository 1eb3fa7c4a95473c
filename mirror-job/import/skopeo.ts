/**
 * Reads the file of `skopeo sync --src yaml`.
 * https://github.com/containers/skopeo/blob/main/docs/skopeo-sync.1.md#yaml-file-content-used-source-for---src-yaml
 */
import { isDigest } from '../../core/digest.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { NameInvalidError, hostOf, isTag, parseUpstream } from '../../core/reference.ts';
import type { Path } from '../configuration/path.ts';
import { Draft, type DraftUpstream } from './draft.ts';
import { patternOf } from './expression.ts';
import { entriesOf, textOf, type ForeignFile } from './foreign-file.ts';

const KEYS: ReadonlySet<string> = new Set([
  'images',
  'images-by-tag-regex',
  'images-by-semver',
  'credentials',
  'tls-verify',
  'cert-dir',
]);

/** Whether a file has a map per registry, with keys that skopeo knows. */
export function looksLikeSkopeo(json: JsonObject): boolean {
  const values = Object.values(json);
  return (
    values.length > 0 &&
    values.every((value) => isObject(value) && Object.keys(value).some((key) => KEYS.has(key)))
  );
}

/** Reads the file. It never fails: settings that cannot be carried over are among the draft's losses. */
export function readSkopeo(file: ForeignFile): Draft {
  const draft = new Draft(file, 'a list of skopeo sync');
  for (const [registry, settings] of Object.entries(file.json)) {
    const host = hostIn(draft, registry);
    if (host === undefined || !isObject(settings)) continue;
    for (const key of Object.keys(settings)) {
      if (!KEYS.has(key)) draft.lose([registry, key], 'Lifeboat knows no such key of skopeo.');
    }
    readImages(draft, registry, settings);
    const value = upstreamOf(draft, registry, host, settings);
    if (Object.keys(value).length > 0) draft.upstreams.push({ path: [registry], host, value });
  }
  return draft;
}

function hostIn(draft: Draft, registry: string): string | undefined {
  try {
    // A registry's key may go on with the beginning of a path.
    const upstream = parseUpstream(registry.split('/', 1)[0] ?? '');
    return upstream === 'docker.io' ? upstream : hostOf(upstream);
  } catch (error) {
    if (!(error instanceof NameInvalidError)) throw error;
    draft.lose([registry], error.message);
    return undefined;
  }
}

function readImages(draft: Draft, registry: string, settings: JsonObject): void {
  for (const [name, wanted] of entriesOf(settings['images'])) {
    const path: Path = [registry, 'images', name];
    const listed = draft.texts(path, wanted);
    if (listed === undefined) continue;
    const digests = listed.filter((text) => isDigest(text));
    const tags = listed.filter((text) => isTag(text));
    // A text that is neither a tag nor a digest is left out, and the entry selects less. An entry without any text
    // would select everything, so it is dropped.
    for (const [index, text] of listed.entries()) {
      if (isDigest(text) || isTag(text)) continue;
      draft.lose([...path, index], `"${text}" is neither a tag nor a digest, so it is left out.`);
    }
    if (listed.length > 0 && tags.length + digests.length === 0) {
      draft.lose(path, 'nothing that it names can be carried, so nothing of it is.');
      continue;
    }
    const source = `${registry}/${name}`;
    const value = {
      source,
      // An empty list means all tags.
      ...(listed.length === 0 ? { tags: ['*'] } : tags.length > 0 && { tags }),
      ...(digests.length > 0 && { digests }),
    };
    draft.images.push({ path, value, note: undefined });
  }
  for (const [name, expression] of entriesOf(settings['images-by-tag-regex'])) {
    const path: Path = [registry, 'images-by-tag-regex', name];
    const text = draft.file.textAt(path, expression);
    if (text === undefined) draft.lose(path, 'it is not a regular expression.');
    else
      draft.images.push({
        path,
        value: { source: `${registry}/${name}`, tags: [patternOf(text, false)] },
        note: undefined,
      });
  }
  for (const [name, range] of entriesOf(settings['images-by-semver'])) {
    const path: Path = [registry, 'images-by-semver', name];
    // skopeo joins conditions by a comma, and Lifeboat by a blank.
    const semver = draft.file.textAt(path, range)?.replaceAll(/\s*,\s*/g, ' ');
    if (semver === undefined) {
      draft.lose(path, 'it is not a range of versions.');
      continue;
    }
    draft.loseSuffixes(path, semver);
    const value = { source: `${registry}/${name}`, tags: { semver } };
    draft.images.push({ path, value, note: undefined });
  }
}

function upstreamOf(
  draft: Draft,
  registry: string,
  host: string,
  settings: JsonObject,
): DraftUpstream['value'] {
  if (settings['tls-verify'] === false) {
    draft.lose(
      [registry, 'tls-verify'],
      'certificates are always verified. For plain HTTP set the upstream’s insecure: true; otherwise name the root’s file as its ca.',
    );
  }
  if (settings['cert-dir'] !== undefined) {
    draft.lose([registry, 'cert-dir'], 'name the file of root certificates in it as the upstream’s ca.');
  }
  const { username, password } = isObject(settings['credentials']) ? settings['credentials'] : {};
  const [user, secret] = [textOf(username), textOf(password)];
  if (user === undefined || secret === undefined) return {};
  const path = [registry, 'credentials', 'password'];
  return {
    credentials: [{ username: draft.keepVariables(user), password: draft.password(path, host, secret) }],
  };
}
