/** The conflicts that OpenShift refuses, and the text of the refusal. */
import { expect, test } from 'vitest';
import { MirrorConflictError } from '../../../cluster/merging/conflict-error.ts';
import { mergeMirrorSets } from '../../../cluster/merging/merged-mirrors.ts';
import { parseMirrorSets } from '../../../cluster/merging/mirror-set-file.ts';
import { plainMirrorSet } from '../../../cluster/merging/plain-set.ts';

function objectOf(kind: 'Digest' | 'Tag', name: string, rules: string): string {
  const list = `image${kind}Mirrors`;
  return `apiVersion: config.openshift.io/v1\nkind: Image${kind}MirrorSet\nmetadata: { name: ${name} }\nspec:\n  ${list}:\n${rules}`;
}

function conflictsOf(text: string): readonly string[] {
  try {
    mergeMirrorSets(parseMirrorSets('mirrors.yaml', text));
  } catch (error) {
    if (error instanceof MirrorConflictError) return error.conflicts;
    throw error;
  }
  return [];
}

const NEVER = '    - { source: quay.io, mirrors: [m.example.com], mirrorSourcePolicy: NeverContactSource }\n';
const ALLOW =
  '    - { source: quay.io, mirrors: [m.example.com], mirrorSourcePolicy: AllowContactingSource }\n';
const UNSAID = '    - { source: quay.io, mirrors: [m.example.com] }\n';

const DIFFER =
  'OpenShift applies no mirror rule at all while they differ. Give every rule of this source the same mirrorSourcePolicy.';

test.for([
  [objectOf('Digest', 'a', ALLOW), objectOf('Digest', 'b', UNSAID)],
  [objectOf('Digest', 'a', NEVER), objectOf('Tag', 'b', NEVER)],
  [objectOf('Digest', 'a', NEVER), objectOf('Digest', 'b', UNSAID.replace('quay.io', 'quay.io/libpod'))],
])('rules that agree are merged', (objects) => {
  expect(conflictsOf(objects.join('---\n'))).toEqual([]);
});

test('two objects with different policies are both named, with their lines', () => {
  const text = [objectOf('Digest', 'b', NEVER), objectOf('Digest', 'a', UNSAID)].join('---\n');
  expect(conflictsOf(text)).toEqual([
    'quay.io: ImageDigestMirrorSet "b" (mirrors.yaml:6) says NeverContactSource, and ImageDigestMirrorSet "a" (mirrors.yaml:13) says AllowContactingSource, which is also the default. ' +
      DIFFER,
  ]);
});

test('a rule for digests and a rule for tags conflict too, because a registry is blocked for both', () => {
  const text = [objectOf('Tag', 'a', NEVER), objectOf('Digest', 'a', ALLOW)].join('---\n');
  expect(conflictsOf(text)).toEqual([
    'quay.io: ImageTagMirrorSet "a" (mirrors.yaml:6) says NeverContactSource, and ImageDigestMirrorSet "a" (mirrors.yaml:13) says AllowContactingSource, which is also the default. ' +
      DIFFER,
  ]);
});

test('every object that takes part is named', () => {
  const objects = ['d', 'c', 'b'].map((name) => objectOf('Digest', name, UNSAID));
  const [conflict = ''] = conflictsOf([objectOf('Tag', 'a', NEVER), ...objects].join('---\n'));
  expect(conflict).toContain(
    'ImageDigestMirrorSet "b" (mirrors.yaml:27), ImageDigestMirrorSet "c" (mirrors.yaml:20) and ImageDigestMirrorSet "d" (mirrors.yaml:13) say AllowContactingSource',
  );
});

test('a rule without mirrors conflicts too, as OpenShift checks policies before it looks at mirrors', () => {
  const empty = '    - { source: quay.io, mirrorSourcePolicy: NeverContactSource }\n';
  const text = [objectOf('Digest', 'a', empty), objectOf('Digest', 'b', UNSAID)].join('---\n');
  expect(conflictsOf(text)).toHaveLength(1);
});

test('a legacy policy cannot say NeverContactSource, so the advice is to write it as a mirror set', () => {
  const legacy =
    'apiVersion: operator.openshift.io/v1alpha1\nkind: ImageContentSourcePolicy\nmetadata: { name: old }\nspec:\n  repositoryDigestMirrors:\n' +
    UNSAID;
  const [conflict = ''] = conflictsOf([legacy, objectOf('Digest', 'new', NEVER)].join('---\n'));
  expect(conflict).toMatch(
    /^quay\.io: ImageDigestMirrorSet "new" \(mirrors\.yaml:13\) says NeverContactSource, and ImageContentSourcePolicy "old" \(mirrors\.yaml:6\) says/,
  );
  expect(conflict).toMatch(
    / An ImageContentSourcePolicy has none: write it as an ImageDigestMirrorSet instead\.$/,
  );
});

test('a source that must not be asked cannot be one of its own mirrors', () => {
  const rule =
    '    - { source: quay.io, mirrors: [quay.io, m.example.com], mirrorSourcePolicy: NeverContactSource }\n';
  expect(conflictsOf(objectOf('Tag', 'a', rule))).toEqual([
    'quay.io: ImageTagMirrorSet "a" (mirrors.yaml:6) says NeverContactSource, and has the source itself among its mirrors, which OpenShift refuses. ' +
      'Take the source out of the mirrors, or say AllowContactingSource.',
  ]);
});

test('a set that takes part with several rules is named once', () => {
  const rule = { source: 'quay.io', mirrors: ['m.example.com'] };
  const sets = [
    plainMirrorSet('a', [
      { ...rule, pulls: 'digests' },
      { ...rule, pulls: 'tags' },
    ]),
    plainMirrorSet('b', [{ ...rule, pulls: 'tags', policy: 'NeverContactSource' }]),
  ];
  expect(() => mergeMirrorSets(sets)).toThrow(
    'quay.io: mirror set "b" says NeverContactSource, and mirror set "a" says AllowContactingSource,',
  );
});

test('the error has the conflicts of all sources, one line each', () => {
  const first = plainMirrorSet('team\na', [
    { source: 'quay.io', mirrors: ['m.example.com'], pulls: 'digests', policy: 'NeverContactSource' },
    { source: 'gcr.io', mirrors: ['m.example.com'], pulls: 'tags', policy: 'NeverContactSource' },
  ]);
  const second = plainMirrorSet('team-b', [
    { source: 'quay.io', mirrors: ['m.example.com'], pulls: 'digests' },
    { source: 'gcr.io', mirrors: ['m.example.com'], pulls: 'tags' },
  ]);
  const merge = () => mergeMirrorSets([second, first]);
  expect(merge).toThrow(MirrorConflictError);
  expect(merge).toThrow(
    /^gcr\.io: mirror set "team\\u000aa" says NeverContactSource, and mirror set "team-b" says .*\nquay\.io: .*$/,
  );
});
