/** A message about a misspelt or misplaced key says which key was meant, or where the key belongs. */
import { STORE, testComplaints, type Case } from './table.ts';

const NO = 'there is no such key.';

/** Keys in `images: [{ source: a:1, … }]`, and the complaint about each. */
const OF_AN_IMAGE: readonly (readonly [written: string, complaint: string])[] = [
  ['tag: [x]', `tag: ${NO} Is tags meant?`],
  ['Tags: [x]', `Tags: ${NO} Is tags meant?`],
  ['tgas: [x]', `tgas: ${NO} Is tags meant?`],
  ['move: { minAge: 3d }', `move: ${NO} Is moves meant?`],
  ['plattform: [linux/amd64]', `plattform: ${NO} Is platforms meant?`],
  ['repository: b', `repository: ${NO} Is source meant?`],
  ['semver: "1"', 'semver: this key belongs elsewhere: images[].tags.semver.'],
  ['minAge: 3d', 'minAge: this key belongs elsewhere: images[].moves.minAge.'],
  ['min_age: 3d', `min_age: ${NO} Is images[].moves.minAge meant?`],
  ['credentials: []', 'credentials: this key belongs elsewhere: upstreams.HOST.credentials.'],
  ['tags: { sufix: [""] }', `tags.sufix: ${NO} Is suffix meant?`],
  ['tags: { allow: ["*"] }', `tags.allow: ${NO} Is include meant?`],
  [
    'tags: { platforms: [all] }',
    'tags.platforms: this key belongs elsewhere: defaults.platforms or images[].platforms or onDemand[].platforms.',
  ],
  ['moves: { min-age: 3d }', `moves.min-age: ${NO} Is minAge meant?`],
  [
    'referrers: { evry: 24h }',
    `referrers.every: it is missing.\nf.yaml:4: images[0].referrers.evry: ${NO} Is every meant?`,
  ],
  [
    'retries: 3',
    `retries: ${NO} There are: source, name, tags, digests, platforms, referrers, moves, retention, public, inUse.`,
  ],
  // The value of a variable may be a secret and is not shown. The advice holds all the same.
  ['pubic: ${SECRET}', `pubic: ${NO} Is public meant?`],
];

const KEYS: readonly Case[] = [
  [
    'a misspelt key at the top',
    `${STORE}imags: [a:1]\n`,
    `f.yaml:1: images: it is missing.\nf.yaml:2: imags: ${NO} Is images meant?`,
  ],
  [
    'two letters that changed places',
    `stroe: {}\n${STORE}images: [a:1]`,
    `f.yaml:1: stroe: ${NO} Is store meant?`,
  ],
  [
    'another tool’s word',
    `registries: {}\n${STORE}images: [a:1]`,
    `f.yaml:1: registries: ${NO} Is upstreams meant?`,
  ],
  [
    'the store’s keys at the top',
    'bucket: b\nregion: r\nimages: [a:1]',
    'f.yaml:1: bucket: this key belongs elsewhere: store.bucket or stores[].bucket.\nf.yaml:2: region: this key belongs elsewhere: store.region or stores[].region.',
  ],
  [
    'a key of an image that is not indented',
    `${STORE}images:\n- source: a\ntags: ['*']\n`,
    'f.yaml:4: tags: this key belongs elsewhere: images[].tags or onDemand[].tags.',
  ],
  [
    'a key of an upstream',
    `${STORE}upstreams:\n  docker.io:\n    credential: []\nimages: [a:1]`,
    `f.yaml:4: upstreams["docker.io"].credential: ${NO} Is credentials meant?`,
  ],
  [
    'a key of an account',
    `${STORE}upstreams:\n  docker.io:\n    credentials: [{ username: a, pasword: "\${SECRET}" }]\nimages: [a:1]`,
    `f.yaml:4: upstreams["docker.io"].credentials[0].password: it is missing.\nf.yaml:4: upstreams["docker.io"].credentials[0].pasword: ${NO} Is password meant?`,
  ],
  [
    'an account’s keys beside the list',
    `${STORE}upstreams:\n  docker.io:\n    username: a\n    password: "\${SECRET}"\nimages: [a:1]`,
    'f.yaml:4: upstreams["docker.io"].username: this key belongs elsewhere: upstreams.HOST.credentials[].username.\nf.yaml:5: upstreams["docker.io"].password: this key belongs elsewhere: upstreams.HOST.credentials[].password.',
  ],
  [
    'a host beside the upstreams',
    `${STORE}docker.io: { insecure: true }\nimages: [a:1]`,
    `f.yaml:2: ["docker.io"]: ${NO} There are: name, store, stores, stateKey, maxDuration, upstreams, defaults, retention, edge, images, onDemand, notify.`,
  ],
  [
    'a key of one of several stores',
    'stores:\n  - { bucket: b, region: r }\n  - bucket: c\n    acessKeyId: x\nimages: [a:1]',
    `f.yaml:4: stores[1].acessKeyId: ${NO} Is accessKeyId meant?`,
  ],
  ...OF_AN_IMAGE.map(([written, complaint]): Case => [
    `an image with ${written}`,
    `${STORE}images:\n  - source: a:1\n    ${written}\n`,
    `f.yaml:4: images[0].${complaint}`,
  ]),
];

testComplaints('keys', KEYS);
