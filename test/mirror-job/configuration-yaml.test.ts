/** What YAML refuses, or reads otherwise than its author meant. */
import { STORE, testComplaints, type Case } from './configuration-table.ts';

const START = "a text that begins with *, &, !, @, % or ` has to be in quotes, as in '*' or '*-alpine'.";
const YAML: readonly Case[] = [
  [
    'an empty file',
    '',
    'f.yaml: the file is empty. It needs a store and images; the README shows a first one.',
  ],
  [
    'nothing but a comment',
    '# later\n',
    'f.yaml: the file is empty. It needs a store and images; the README shows a first one.',
  ],
  ['a list', '- a\n- b\n', 'f.yaml:1: it must be a map of keys.'],
  ['a text', 'lifeboat\n', 'f.yaml:1: it must be a map of keys.'],
  ['a tab', 'store:\n\tbucket: b\n', 'f.yaml:2: this line is indented with a tab. YAML takes spaces only.'],
  ['a key twice', `${STORE}${STORE}`, 'f.yaml:2: this key is there twice. Keep one of them.'],
  ['a list as a key', '? [a]\n: b\n', 'f.yaml:1: a key has to be a text.'],
  [
    'two documents',
    `${STORE}---\n${STORE}`,
    'f.yaml:2: a second document begins here. Keep one, without "---" between.',
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
