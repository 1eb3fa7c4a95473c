/** Texts that YAML refuses, or reads in another way than their author meant. */
import { STORE, testComplaints, type Case } from './table.ts';

const START = "a text that begins with *, &, !, @, % or ` has to be in quotes, as in '*' or '*-alpine'.";
const NO_MAP =
  'it must be a map of keys: a store, images and the like. The README shows a first configuration.';
const NO_COLON =
  'a key without its colon stands here. After each key comes a colon, then a space or the end of the line; a comment begins with #.';
const TWO_COLONS =
  'a colon and a space stand here twice, or the next line is indented too far. Put a text with a colon and a space in quotes.';
const YAML: readonly Case[] = [
  [
    'an empty file',
    '',
    'f.yaml: the file is empty. It needs a store and images; the README shows a first configuration.',
  ],
  [
    'nothing but a comment',
    '# later\n',
    'f.yaml: the file is empty. It needs a store and images; the README shows a first configuration.',
  ],
  ['a list', '- a\n- b\n', `f.yaml:1: ${NO_MAP}`],
  ['a text', 'lifeboat\n', `f.yaml:1: ${NO_MAP}`],
  ['a key without its colon', 'store:\n  bucket b\n  region: r\nimages: [a:1]', `f.yaml:2: ${NO_COLON}`],
  ['a list whose key has no colon', `${STORE}images\n  - a:1\n`, `f.yaml:2: ${NO_COLON}`],
  ['a comment of another language', `// mine\n${STORE}images: [a:1]`, `f.yaml:1: ${NO_COLON}`],
  ['two colons in a line', `name: a: b\n${STORE}images: [a:1]`, `f.yaml:1: ${TWO_COLONS}`],
  ['a line that is indented too far', 'store:\n  bucket: b\n   region: r\n', `f.yaml:2: ${TWO_COLONS}`],
  [
    'a quote without its end',
    `${STORE}images:\n  - "a:1\n`,
    'f.yaml:4: a text that begins with ", here or above, has no " at its end.',
  ],
  [
    'a backslash in double quotes',
    `${STORE}images:\n  - { source: "oci:C:\\images", name: a.b/c, tags: ['*'] }`,
    'f.yaml:3: within double quotes a backslash begins an escape. Use single quotes.',
  ],
  [
    'a character that looks like a space',
    `${STORE}images:\n  -\u00A0a:1\n`,
    'f.yaml:3: this line begins with a character that only looks like a space, or that is invisible (U+00A0). Type the line anew.',
  ],
  [
    'a byte order mark in the middle',
    `${STORE}\uFEFFimages: [a:1]\n`,
    'f.yaml:2: this line begins with a character that only looks like a space, or that is invisible (U+FEFF). Type the line anew.',
  ],
  ['a byte order mark at the beginning, and nothing wrong', `\uFEFF${STORE}images: [a:1]\n`, ''],
  ['a tab where YAML takes one', `${STORE}images:\n  -\ta:1\n`, ''],
  [
    'no space after colons',
    'store:\n  bucket:b\n  region:r\nimages: [a:1]',
    'f.yaml:1: store: it must be a map of keys, with a colon and a space after each key.',
  ],
  [
    'no space after a hyphen',
    `${STORE}images:\n  -a:1\n`,
    'f.yaml:2: images: it must be a list, with a space after each "-".',
  ],
  [
    'keys that are merged',
    `${STORE}images:\n  - &a { source: 'a:1', public: true }\n  - { <<: *a, source: 'a:2' }\n`,
    'f.yaml:4: images[1]["<<"]: keys are not merged here. An anchor stands for one value, as in tags: &both [a, b] and tags: *both; what holds for all images goes under defaults.',
  ],
  ['a tab', 'store:\n\tbucket: b\n', 'f.yaml:2: this line is indented with a tab. YAML takes spaces only.'],
  ['a key twice', `${STORE}${STORE}`, 'f.yaml:2: store: this key stands in line 1 too. Keep one of the two.'],
  [
    'a key of an image twice, with others between them',
    `${STORE}images:\n  - a:1\n  - source: b\n    "tags": ['1']\n    public: true\n    tags: ['2']\n`,
    'f.yaml:7: images[1].tags: this key stands in line 5 too. Keep one of the two.',
  ],
  [
    'a host twice in one line',
    `${STORE}upstreams: { a.b: { insecure: true }, 'a.b': {} }\n`,
    'f.yaml:2: upstreams["a.b"]: this key stands in line 2 too. Keep one of the two.',
  ],
  ['a list as a key', '? [a]\n: b\n', 'f.yaml:1: a key has to be a text.'],
  [
    'two documents',
    `${STORE}---\n${STORE}`,
    'f.yaml:2: a second document begins here. Keep one document, without a "---" line.',
  ],
  ['a star without quotes', `${STORE}images:\n  - { source: a, tags: [*] }`, `f.yaml:3: ${START}`],
  [
    'a star and a name',
    `${STORE}images:\n  - source: a\n    tags:\n      - *-alpine\n`,
    `f.yaml:5: ${START}`,
  ],
  ['an exclamation mark', `${STORE}images:\n  - { source: a, tags: [!*-rc] }`, `f.yaml:3: ${START}`],
  ['an at sign', `${STORE}images: [@a]`, `f.yaml:2: ${START}`],
  [
    'an open bracket',
    `${STORE}images: [a:1\n`,
    'f.yaml:3: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ].',
  ],
  [
    'a wrong indent',
    'store:\n  bucket: b\n region: r\n',
    'f.yaml:3: this is not valid YAML: All mapping items must start at the same column.',
  ],
  [
    'a variable in braces without quotes',
    'store: { bucket: ${EMPTY} }\n',
    'f.yaml:1: this is not valid YAML: Unexpected flow-map-start at node end. Inside {} and [], a variable has to be in quotes: "${NAME}".',
  ],
  ['endless brackets', '['.repeat(20_000), 'f.yaml:1: it is nested too deep.'],
  [
    'aliases of aliases',
    'bcdefghi'
      .split('')
      .reduce(
        (text, name, index) => `${text}${name}: &${name} [${`*${'abcdefgh'.charAt(index)}, `.repeat(9)}x]\n`,
        `a: &a [${'x, '.repeat(9)}x]\n`,
      ),
    'f.yaml: its aliases grow without bound.',
  ],
];

const QUOTES: readonly Case[] = [
  [
    'a version that YAML shortens',
    `${STORE}images:\n  - source: a\n    tags:\n      - 1.27\n      - 3.20\n      - 012\n`,
    [
      "f.yaml:5: images[0].tags[0]: 1.27 has to be in quotes, or YAML reads it as the number 1.27: write '1.27'.",
      "f.yaml:6: images[0].tags[1]: 3.20 has to be in quotes, or YAML reads it as the number 3.2: write '3.20'.",
      "f.yaml:7: images[0].tags[2]: 012 has to be in quotes, or YAML reads it as the number 12: write '012'.",
    ].join('\n'),
  ],
  [
    'a version in the long form',
    `${STORE}images: [{ source: a, tags: { include: [1.0], exclude: [true] } }]`,
    "f.yaml:2: images[0].tags.include[0]: 1.0 has to be in quotes, or YAML reads it as the number 1: write '1.0'.\nf.yaml:2: images[0].tags.exclude[0]: true has to be in quotes, or YAML reads it as the boolean true: write 'true'.",
  ],
  [
    'a password of digits, which is not shown',
    `${STORE}upstreams: { docker.io: { credentials: [{ username: a, password: 8675309 }] } }\nimages: [a:1]`,
    'f.yaml:2: upstreams["docker.io"].credentials[0].password: it has to be in quotes: without them YAML does not read it as a text.',
  ],
];

testComplaints('YAML', YAML);
testComplaints('quotes', QUOTES);
