/** Variables of the environment, and the secrets that they hold. */
import { STORE, testComplaints, type Case } from './table.ts';

const FITS_NOT = 'the value of ${SECRET} does not fit here. Check the variable, or write the value itself.';
const VARIABLES: readonly Case[] = [
  [
    'a variable that is not set',
    `${STORE}name: \${NOPE}\nimages: [a:1]`,
    'f.yaml:2: name: the environment variable NOPE is not set. Set it, or replace ${NOPE} by its value.',
  ],
  [
    'names of properties that every object has',
    `${STORE}name: \${constructor}\nimages: ["a:\${__proto__}", "b:\${toString}"]`,
    [
      'f.yaml:2: name: the environment variable constructor is not set. Set it, or replace ${constructor} by its value.',
      'f.yaml:3: images[0]: the environment variable __proto__ is not set. Set it, or replace ${__proto__} by its value.',
      'f.yaml:3: images[1]: the environment variable toString is not set. Set it, or replace ${toString} by its value.',
    ].join('\n'),
  ],
  [
    'a variable that is empty',
    'store:\n  secretAccessKey: ${EMPTY}\n',
    'f.yaml:2: store.secretAccessKey: the environment variable EMPTY is empty. Set it, or replace ${EMPTY} by its value.',
  ],
  [
    'several variables in the middle of texts',
    `${STORE}images:\n  - a:1\n  - source: "\${NOPE}/x:\${EMPTY}"\n`,
    'f.yaml:4: images[1].source: the environment variable NOPE is not set. Set it, or replace ${NOPE} by its value.\nf.yaml:4: images[1].source: the environment variable EMPTY is empty. Set it, or replace ${EMPTY} by its value.',
  ],
  [
    'a variable in a key',
    `${STORE}upstreams:\n  "\${HOST}": {}\nimages: [a:1]`,
    'f.yaml:3: ${HOST} stands in a key, and variables are read in values only.',
  ],
  [
    'a variable without its braces',
    'store:\n  bucket: b\n  region: r\n  accessKeyId: $S3_KEY\n  secretAccessKey: "$S3_SECRET"\nimages: [a:1]',
    [
      'f.yaml:4: store.accessKeyId: this looks like a variable without its braces, and would be taken literally. Write a variable as in ${S3_ENDPOINT}.',
      'f.yaml:5: store.secretAccessKey: this looks like a variable without its braces, and would be taken literally. Write a variable as in ${S3_ENDPOINT}.',
    ].join('\n'),
  ],
  [
    'a dollar within a text',
    `${STORE}upstreams: { a.b: { credentials: [{ username: $a, password: A$B }] } }\nimages: [a:1]`,
    '',
  ],
  [
    'braces around a text that is not a name',
    `${STORE}images: ["a:\${A B}", "a:\${}"]`,
    'f.yaml:2: images[0]: ${A B} is not a variable: only a name may stand between the braces, as in ${S3_ENDPOINT}.\nf.yaml:2: images[1]: ${} is not a variable: only a name may stand between the braces, as in ${S3_ENDPOINT}.',
  ],
  ['a secret as an image', `${STORE}images: ["\${SECRET}"]`, `f.yaml:2: images[0]: ${FITS_NOT}`],
  [
    'a secret as a source',
    `${STORE}images: [{ source: "\${SECRET}" }]`,
    `f.yaml:2: images[0].source: ${FITS_NOT}`,
  ],
  [
    'a secret as a tag',
    `${STORE}images: [{ source: a, tags: ["\${SECRET}"] }]`,
    `f.yaml:2: images[0].tags[0]: ${FITS_NOT}`,
  ],
  [
    'a secret as a tag, by an alias',
    `${STORE}images:\n  - { source: a, tags: [&secret "\${SECRET}"] }\n  - { source: b, tags: [*secret] }`,
    `f.yaml:3: images[0].tags[0]: ${FITS_NOT}\nf.yaml:4: images[1].tags[0]: ${FITS_NOT}`,
  ],
  [
    'a secret as a digest',
    `${STORE}images: [{ source: a, digests: ["\${SECRET}"] }]`,
    `f.yaml:2: images[0].digests[0]: ${FITS_NOT}`,
  ],
  [
    'a secret as a name',
    `${STORE}images: [{ source: a:1, name: "\${SECRET}" }]`,
    `f.yaml:2: images[0].name: ${FITS_NOT}`,
  ],
  [
    'a secret as a duration',
    `${STORE}images: [{ source: a:1, referrers: { every: "\${SECRET}" } }]`,
    `f.yaml:2: images[0].referrers.every: ${FITS_NOT}`,
  ],
  [
    'a secret as an endpoint',
    'store: { endpoint: "${SECRET}", bucket: b }\nimages: [a:1]',
    'f.yaml:1: store.endpoint: it must be an address such as https://s3.example.com.',
  ],
];

testComplaints('variable', VARIABLES);
