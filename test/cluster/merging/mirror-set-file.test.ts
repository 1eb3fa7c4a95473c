/** Files of mirror sets: what is read from them, and what each mistake is answered with. */
import { expect, test } from 'vitest';
import { MirrorSetInvalidError } from '../../../cluster/merging/invalid-error.ts';
import { parseMirrorSets } from '../../../cluster/merging/mirror-set-file.ts';

function problemsOf(text: string): string[] {
  try {
    parseMirrorSets('m.yaml', text);
  } catch (error) {
    if (error instanceof MirrorSetInvalidError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const HEAD = 'apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata:\n  name: a\n';

/** A set with one rule, which begins in line 7. */
function withRule(rule: string): string {
  return `${HEAD}spec:\n  imageDigestMirrors:\n    - ${rule.replaceAll('\n', '\n      ')}\n`;
}

test('a set is read with the line of each rule', () => {
  const text = withRule(
    "mirrors: [m.example.com/q]\nsource: '*.quay.io'\nmirrorSourcePolicy: NeverContactSource",
  );
  expect(parseMirrorSets('m.yaml', text)).toEqual([
    {
      kind: 'ImageDigestMirrorSet',
      name: 'a',
      rules: [
        {
          source: '*.quay.io',
          mirrors: ['m.example.com/q'],
          pulls: 'digests',
          policy: 'NeverContactSource',
          position: 'm.yaml:8',
        },
      ],
    },
  ]);
});

test.for<readonly [string, string]>([
  ['a document without anything in it', `---\n${withRule('source: quay.io')}---\n# nothing\n---\n`],
  ['a list that oc printed without any object', 'apiVersion: v1\nkind: List\nitems: []\n'],
  ['a set without rules', `${HEAD}spec: {}\n`],
  [
    'anchors and merge keys',
    withRule('&a\nsource: quay.io\nmirrors: [m.example.com]') + '    - <<: *a\n      source: gcr.io\n',
  ],
  ['a byte-order mark', `\uFEFF${withRule('source: quay.io')}`],
])('%s is accepted', ([, text]) => {
  expect(problemsOf(text)).toEqual([]);
});

test.for<readonly [string, string]>([
  ['quay.io', 'a host'],
  ['localhost:5000', 'a port'],
  ['registry/team', 'a host without a dot'],
  ['10.0.0.1:5000/a', 'an address'],
  ['quay.io/a/b_c/d__e/f--g.h', 'a path'],
  ["'*.example.com'", 'a whole domain'],
])('the source %s is accepted: %s', ([source]) => {
  expect(problemsOf(withRule(`source: ${source}`))).toEqual([]);
});

const NAMES = 'ImageDigestMirrorSet, ImageTagMirrorSet, ImageContentSourcePolicy';
const HOST = 'Write a host, or a host and a path, as in quay.io/libpod.';
const QUOTES = "a text that begins with *, &, !, @, % or ` has to be in quotes, as in '*.example.com'.";

test.for<readonly [string, string, ...string[]]>([
  // The file.
  [
    'nothing',
    '',
    'm.yaml: the file is empty. Write an ImageDigestMirrorSet or an ImageTagMirrorSet into it.',
  ],
  [
    'a comment',
    '# later\n',
    'm.yaml: the file is empty. Write an ImageDigestMirrorSet or an ImageTagMirrorSet into it.',
  ],
  ['a text', 'hello\n', `m.yaml:1: this is not an object. Write one of ${NAMES}.`],
  ['a list of its own', '- a\n', `m.yaml:1: this is not an object. Write one of ${NAMES}.`],
  [
    'a tab',
    `${HEAD}spec:\n\timageDigestMirrors: []\n`,
    'm.yaml:6: this line is indented with a tab. YAML takes spaces only.',
  ],
  ['a whole domain without quotes', withRule('source: *.example.com'), `m.yaml:7: ${QUOTES}`],
  ['a tag of YAML', withRule('source: !x quay.io'), `m.yaml:7: ${QUOTES}`],
  [
    'an alias of a rule with a mistake',
    `${withRule('&a { source: quay.io/ }')}    - *a\n`,
    'm.yaml:7: spec.imageDigestMirrors[0].source: "quay.io/" ends with "/". Write "quay.io".',
    'm.yaml:8: spec.imageDigestMirrors[1].source: "quay.io/" ends with "/". Write "quay.io".',
  ],
  [
    'a key twice',
    `${HEAD}spec: {}\nspec: {}\n`,
    'm.yaml:6: this key appears twice. Keep one of the two, or begin a new document with "---".',
  ],
  [
    'a bracket that is not closed',
    `${HEAD}spec: [\n`,
    'm.yaml:6: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ].',
  ],
  [
    'aliases of aliases',
    `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`,
    'm.yaml:1: its aliases grow without bound.',
  ],
  // The object.
  [
    'no kind',
    'apiVersion: config.openshift.io/v1\n',
    `m.yaml:1: kind: it is missing. Write one of ${NAMES}.`,
  ],
  [
    'another kind',
    'apiVersion: v1\nkind: ConfigMap\n',
    `m.yaml:2: kind: "ConfigMap" has no mirror rules that can be merged. Take the object out of the file, or write one of ${NAMES}.`,
  ],
  [
    'a kind that objects have by themselves',
    'kind: constructor\n',
    `m.yaml:1: kind: "constructor" has no mirror rules that can be merged. Take the object out of the file, or write one of ${NAMES}.`,
  ],
  [
    'another version',
    `${HEAD.replace('/v1', '/v1beta1')}spec: {}\n`,
    'm.yaml:1: apiVersion: the apiVersion of an ImageDigestMirrorSet is config.openshift.io/v1. Write that.',
  ],
  [
    'no name',
    HEAD.replace('  name: a\n', '  labels: {}\n') + 'spec: {}\n',
    'm.yaml:3: metadata.name: it is missing. Give the object a name.',
  ],
  [
    'a number as its name',
    HEAD.replace('name: a', 'name: 7') + 'spec: {}\n',
    'm.yaml:4: metadata.name: 7 is not a text. Put it in quotes if it is meant.',
  ],
  [
    'no spec',
    HEAD,
    'm.yaml:1: spec: it is missing. Write "spec:", and below it "imageDigestMirrors:" with the rules.',
  ],
  [
    'an empty spec',
    `${HEAD}spec:\n`,
    'm.yaml:5: spec: it is missing. Write "spec:", and below it "imageDigestMirrors:" with the rules.',
  ],
  [
    'a spec that is a list',
    `${HEAD}spec: []\n`,
    'm.yaml:5: spec: it is not a map of keys. Write "spec:", and below it "imageDigestMirrors:" with the rules.',
  ],
  [
    'the rules of another kind',
    `${HEAD}spec:\n  imageTagMirrors: []\n`,
    'm.yaml:6: spec.imageTagMirrors: this key is not known here. It belongs to an ImageTagMirrorSet; the rules of an ImageDigestMirrorSet stand in "imageDigestMirrors".',
  ],
  [
    'a misspelt list',
    `${HEAD}spec:\n  imageDigestMirror: []\n`,
    'm.yaml:6: spec.imageDigestMirror: this key is not known here. Write "imageDigestMirrors" if that is meant.',
  ],
  [
    'a map for a list',
    `${HEAD}spec:\n  imageDigestMirrors: {}\n`,
    'm.yaml:6: spec.imageDigestMirrors: it is not a list. Begin each item on a line of its own, with "- ".',
  ],
  [
    'a key of nobody',
    `${HEAD}spec: {}\nrules: []\n`,
    'm.yaml:6: rules: this key is not known here. Take it out: rules belong into "spec".',
  ],
  // The rule.
  [
    'a rule that is a text',
    withRule('quay.io'),
    'm.yaml:7: spec.imageDigestMirrors[0]: a rule is a map with "source" and "mirrors".',
  ],
  [
    'a misspelt key',
    withRule('source: quay.io\nmirror: []'),
    'm.yaml:8: spec.imageDigestMirrors[0].mirror: this key is not known here. Write "mirrors" if that is meant.',
  ],
  [
    'a key of registries.conf',
    withRule('source: quay.io\nlocation: x'),
    'm.yaml:8: spec.imageDigestMirrors[0].location: this key is not known here. A rule has "source", "mirrors", "mirrorSourcePolicy".',
  ],
  [
    'a policy that does not exist',
    withRule('source: quay.io\nmirrorSourcePolicy: Never'),
    'm.yaml:8: spec.imageDigestMirrors[0].mirrorSourcePolicy: this is neither AllowContactingSource nor NeverContactSource. Write one of them, or leave the key out.',
  ],
  [
    'no source',
    withRule('mirrors: [m.example.com]'),
    `m.yaml:7: spec.imageDigestMirrors[0].source: it is missing. ${HOST}`,
  ],
  [
    'mirrors that are a text',
    withRule('source: quay.io\nmirrors: m.example.com'),
    'm.yaml:8: spec.imageDigestMirrors[0].mirrors: it is not a list. Begin each item on a line of its own, with "- ".',
  ],
  [
    'a mirror that is a number',
    withRule('source: quay.io\nmirrors:\n  - 5000'),
    'm.yaml:9: spec.imageDigestMirrors[0].mirrors[0]: 5000 is not a text. Put it in quotes if it is meant.',
  ],
  [
    'a mirror that is a map',
    withRule('source: quay.io\nmirrors:\n  - host: x'),
    `m.yaml:9: spec.imageDigestMirrors[0].mirrors[0]: it is not a text. ${HOST}`,
  ],
  [
    'two mistakes',
    withRule('source: https://quay.io\nmirrors: [M.example.com]'),
    'm.yaml:7: spec.imageDigestMirrors[0].source: leave out "https://": write "quay.io".',
    'm.yaml:8: spec.imageDigestMirrors[0].mirrors[0]: "M.example.com" has upper-case letters, and names are matched letter by letter. Write "m.example.com".',
  ],
])('%s is refused, with file, line and key', ([, text, ...problems]) => {
  expect(problemsOf(text)).toEqual(problems);
});

test('a legacy policy has no mirrorSourcePolicy', () => {
  const text = `apiVersion: operator.openshift.io/v1alpha1
kind: ImageContentSourcePolicy
metadata: { name: a }
spec:
  repositoryDigestMirrors:
    - source: quay.io
      mirrorSourcePolicy: NeverContactSource
`;
  expect(problemsOf(text)).toEqual([
    'm.yaml:7: spec.repositoryDigestMirrors[0].mirrorSourcePolicy: this key is not known here. An ImageContentSourcePolicy has none: write it as an ImageDigestMirrorSet.',
  ]);
});

test('the problems of all documents and of all items of a list are told at once', () => {
  const text = `${withRule('source: quay.io/')}---\napiVersion: v1\nkind: List\nitems:\n  - kind: Secret\n  - ${withRule("source: ''").trimEnd().replaceAll('\n', '\n    ')}\n`;
  expect(problemsOf(text)).toEqual([
    'm.yaml:7: document 1: spec.imageDigestMirrors[0].source: "quay.io/" ends with "/". Write "quay.io".',
    `m.yaml:12: document 2: items[0].kind: "Secret" has no mirror rules that can be merged. Take the object out of the file, or write one of ${NAMES}.`,
    `m.yaml:19: document 2: items[1].spec.imageDigestMirrors[0].source: it is empty. ${HOST}`,
  ]);
});

test('a document that is not YAML is named by its number, also behind one without anything in it', () => {
  expect(problemsOf(`---\n${withRule('source: quay.io')}---\n---\n${withRule('source: *.x.io')}`)).toEqual([
    `m.yaml:17: document 3: ${QUOTES}`,
  ]);
});

test('a problem is one line without control characters, whatever the file has', () => {
  expect(problemsOf(withRule('source: "quay.io\\u001b[2J\\nfine"'))).toEqual([
    'm.yaml:7: spec.imageDigestMirrors[0].source: "quay.io\\u001b[2J\\u000afine" has a space or a line end in it. Take it out.',
  ]);
});
