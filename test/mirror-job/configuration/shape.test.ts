/** Keys that are unknown or missing, or have the wrong kind of value. */
import { STORE, testComplaints, type Case } from './table.ts';

const KEYS = {
  top: 'there is no such key. There are: name, store, stores, stateKey, maxDuration, upstreams, defaults, retention, edge, images, onDemand, notify.',
  store:
    'there is no such key. There are: endpoint, bucket, region, prefix, pathStyle, accessKeyId, secretAccessKey, audience, singleWriter.',
  image:
    'there is no such key. There are: source, name, tags, digests, platforms, referrers, moves, retention, public, inUse.',
};
/** A key in a map of tags, and the problem with it. */
const TAGS = [
  [
    'regex: "1"',
    'regex: there is no such key. There are: include, semver, suffix, precision, exclude, latest, minTags, immutable.',
  ],
  ['semver: 1.27', "semver: 1.27 has to be in quotes, or YAML reads it as the number 1.27: write '1.27'."],
  ['semver: ""', 'semver: it must not be empty.'],
  [
    'suffix: -alpine',
    'suffix: it must be a list, even for one item: put "- " before the item, or [ ] around it.',
  ],
  ['suffix: []', "suffix: it lists no suffix; [''] stands for no suffix."],
  ['precision: []', 'precision: it lists no precision.'],
  ['precision: [4]', 'precision[0]: it must be one of 1, 2, 3.'],
  ['latest: 0', 'latest: it must be at least 1.'],
  ['latest: 1.5', 'latest: it must be a whole number.'],
  ['latest: 100000000000000000000', 'latest: it is too large a number.'],
  ['latest: all', 'latest: it must be a whole number.'],
  ['minTags: -1', 'minTags: it must be at least 1.'],
] as const;
const SHAPE: readonly Case[] = [
  ['no store', 'images: [a:1]', 'f.yaml:1: store: it is missing.'],
  ['no bucket', 'store:\n  region: r\nimages: [a:1]', 'f.yaml:1: store.bucket: it is missing.'],
  [
    'keys without values',
    'store:\nimages:\n',
    'f.yaml:1: store: it is empty, and must be a map of keys.\nf.yaml:2: images: it is empty, and must be a list.',
  ],
  [
    'durations without a unit',
    `${STORE}maxDuration: 50\nupstreams:\n  a.b: { timeout: 30 }\ndefaults:\n  referrers: { every: 24 }\n  moves: { minAge: 3 }\nimages: [a:1]`,
    [
      'f.yaml:2: maxDuration: 50 needs a unit: 50s, 50m, 50h or 50d.',
      'f.yaml:4: upstreams["a.b"].timeout: 30 needs a unit: 30s, 30m, 30h or 30d.',
      'f.yaml:6: defaults.referrers.every: 24 needs a unit: 24s, 24m, 24h or 24d.',
      'f.yaml:7: defaults.moves.minAge: 3 needs a unit: 3s, 3m, 3h or 3d.',
    ].join('\n'),
  ],
  [
    'durations without a unit, in quotes',
    `${STORE}maxDuration: '50'\ndefaults:\n  moves: { minAge: "1.5" }\nimages: [a:1]`,
    [
      'f.yaml:2: maxDuration: "50" needs a unit: 50s, 50m, 50h or 50d.',
      'f.yaml:4: defaults.moves.minAge: "1.5" needs a unit: 1.5s, 1.5m, 1.5h or 1.5d.',
    ].join('\n'),
  ],
  [
    'values that are neither durations nor texts',
    `${STORE}maxDuration: true\nupstreams:\n  a.b: { timeout: -30 }\ndefaults:\n  referrers: { every: [24h] }\n  moves: { minAge: }\nimages: [a:1]`,
    [
      'f.yaml:2: maxDuration: it must be a duration, such as 30s, 5m, 24h or 7d.',
      'f.yaml:4: upstreams["a.b"].timeout: it must be a duration, such as 30s, 5m, 24h or 7d.',
      'f.yaml:6: defaults.referrers.every: it must be a duration, such as 30s, 5m, 24h or 7d.',
      'f.yaml:7: defaults.moves.minAge: it is empty: it must be a duration, such as 30s, 5m, 24h or 7d.',
    ].join('\n'),
  ],
  ['no image', `${STORE}images: []`, 'f.yaml:2: images: it lists no image.'],
  [
    'neither an image nor a store',
    'images: []',
    'f.yaml:1: images: it lists no image.\nf.yaml:1: store: it is missing.',
  ],
  ['an unknown key', `${STORE}schedule: daily\nimages: [a:1]`, `f.yaml:2: schedule: ${KEYS.top}`],
  [
    'an unknown key of the store',
    'store:\n  bucket: b\n  region: r\n  kmsKey: x\nimages: [a:1]',
    `f.yaml:4: store.kmsKey: ${KEYS.store}`,
  ],
  [
    'an unknown key of an image',
    `${STORE}images:\n  - a:1\n  - source: b:1\n    retries: x\n`,
    `f.yaml:5: images[1].retries: ${KEYS.image}`,
  ],
  ['no store of several', 'stores: []\nimages: [a:1]', 'f.yaml:1: stores: it lists no store.'],
  [
    'one store instead of a list',
    'stores: { region: r, bucket: b }\nimages: [a:1]',
    'f.yaml:1: stores: it must be a list, even for one item: put "- " before the item, or [ ] around it.',
  ],
  [
    'more stores than the edge takes',
    `stores: [${'{ bucket: b, region: r }, '.repeat(10)}]\nimages: [a:1]`,
    'f.yaml:1: stores: it lists more than nine stores.',
  ],
  [
    'an unknown key of one of several stores',
    'stores:\n  - { bucket: b, region: r }\n  - bucket: c\n    kmsKey: x\nimages: [a:1]',
    `f.yaml:4: stores[1].kmsKey: ${KEYS.store}`,
  ],
  [
    'a source beside inUse, and tags',
    `${STORE}images:\n  - inUse: { clusters: [a], upstreams: [docker.io] }\n    source: a:1\n    tags: ['1']`,
    [
      'f.yaml:4: images[0].source: an entry with inUse gets its images from lists. Leave this key out.',
      'f.yaml:5: images[0].tags: an entry with inUse gets its images from lists. Leave this key out.',
    ].join('\n'),
  ],
  [
    'inUse without hosts',
    `${STORE}images:\n  - inUse: { clusters: [a] }`,
    'f.yaml:3: images[0].inUse.upstreams: it is missing.',
  ],
  [
    'inUse with what is no host, no pattern and no duration',
    `${STORE}images:\n  - inUse: { clusters: ['a b'], upstreams: [library], include: [nginx, 'docker.io/!'], keep: 200d }`,
    [
      'f.yaml:3: images[0].inUse.clusters[0]: "a b" is neither a tag (at most 128 letters, digits, "_", "." and "-") nor a pattern ("*" stands for any text; /…/ is a regular expression).',
      'f.yaml:3: images[0].inUse.upstreams[0]: "library" is not a valid name: a registry\'s host contains a ".", has a port, or is "localhost"; anything else is read as a part of the path.',
      'f.yaml:3: images[0].inUse.include[0]: write the host too, as in docker.io/library/*. "nginx" has no slash.',
      'f.yaml:3: images[0].inUse.keep: it must be more than 0 and at most 180d.',
    ].join('\n'),
  ],
  [
    'an entry without a source',
    `${STORE}images:\n  - tags: ['1']`,
    'f.yaml:3: images[0].source: it is missing.',
  ],
  [
    'an unknown key of a budget',
    `${STORE}upstreams:\n  docker.io:\n    budget: { left: 20 }\nimages: [a:1]`,
    'f.yaml:4: upstreams["docker.io"].budget.left: there is no such key. There are: keepRemaining, manifestGetsPerRun.',
  ],
  [
    'a budget that no image fits into',
    `${STORE}upstreams:\n  docker.io:\n    budget: { manifestGetsPerRun: 2 }\nimages: [a:1]`,
    'f.yaml:4: upstreams["docker.io"].budget.manifestGetsPerRun: it must be at least 3: an image of several platforms needs more than one.',
  ],
  [
    'a negative keepRemaining',
    `${STORE}upstreams:\n  docker.io:\n    budget: { keepRemaining: -1 }\nimages: [a:1]`,
    'f.yaml:4: upstreams["docker.io"].budget.keepRemaining: it must not be negative.',
  ],
  [
    'a thousand requests at once',
    `${STORE}upstreams: { a.b: { concurrency: 1000 } }\nimages: [a:1]`,
    'f.yaml:2: upstreams["a.b"].concurrency: it must be at most 256.',
  ],
  [
    'an unknown policy of moves',
    `${STORE}defaults:\n  moves: { policy: freeze }\nimages: [{ source: a:1, moves: { rollback: never } }]`,
    'f.yaml:3: defaults.moves.policy: it must be one of follow, hold, immutable.\nf.yaml:4: images[0].moves.rollback: it must be one of hold, follow.',
  ],
  [
    'a maxMovesPerRun of 0',
    `${STORE}images:\n  - source: a:1\n    moves: { maxMovesPerRun: 0 }\n`,
    'f.yaml:4: images[0].moves.maxMovesPerRun: it must be at least 1.',
  ],
  [
    'an unknown key of `moves`',
    `${STORE}defaults:\n  moves: { minimumAge: 3d }\nimages: [a:1]`,
    'f.yaml:3: defaults.moves.minimumAge: there is no such key. There are: policy, minAge, rollback, maxMovesPerRun.',
  ],
  ...TAGS.map(([value, complaint]): Case => [
    `\`tags\` with ${value}`,
    `${STORE}images:\n  - source: a\n    tags:\n      include: ['*']\n      ${value}\n`,
    `f.yaml:6: images[0].tags.${complaint}`,
  ]),
  [
    'no platform',
    `${STORE}images:\n  - source: a:1\n    platforms: []\n`,
    'f.yaml:4: images[0].platforms: it lists no platform. Leave the key out, or say all, to mirror all platforms.',
  ],
  [
    'no platform by default',
    `${STORE}defaults: { platforms: [] }\nimages: [a:1]`,
    'f.yaml:2: defaults.platforms: it lists no platform. Leave the key out, or say all, to mirror all platforms.',
  ],
  [
    'one text for platforms',
    `${STORE}images: [{ source: a:1, platforms: linux/amd64 }]`,
    'f.yaml:2: images[0].platforms: it must be a list, as in [linux/amd64, linux/arm64], or all.',
  ],
  [
    'an empty platform',
    `${STORE}images: [{ source: a:1, platforms: [linux/amd64, ''] }]`,
    'f.yaml:2: images[0].platforms[1]: it must not be empty.',
  ],
  [
    'an empty text',
    'store: { region: r, bucket: "" }\nimages: [a:1]',
    'f.yaml:1: store.bucket: it must not be empty.',
  ],
  [
    'a text for a switch',
    `${STORE}upstreams: { a.b: { insecure: "yes" } }\nimages: [a:1]`,
    'f.yaml:2: upstreams["a.b"].insecure: it must be true or false.',
  ],
  [
    'an unknown audience',
    'store: { region: r, bucket: b, audience: all }\nimages: [a:1]',
    'f.yaml:1: store.audience: it must be one of public, token.',
  ],
  [
    'a bad name',
    `name: Prod\n${STORE}images: [a:1]`,
    'f.yaml:1: name: it must be 1 to 63 lower-case letters, digits and hyphens.',
  ],
  [
    'one text for tags',
    `${STORE}images: [{ source: a, tags: "*" }]`,
    "f.yaml:2: images[0].tags: it must be a list, as in ['1.27', '1.*'], or a map, as in { semver: '>=1.27', latest: 5 }.",
  ],
  [
    'a list of lists',
    `${STORE}images: [[a:1]]`,
    'f.yaml:2: images[0]: it must be a reference such as docker.io/library/alpine:3.20, or a map with a source.',
  ],
  ...['alpine:', 'alpine: 3.20', 'docker.io/library/alpine:3.20:'].map((written): Case => [
    `a reference that a colon has made a key: ${written}`,
    `${STORE}images:\n  - ${written}\n`,
    'f.yaml:3: images[0]: the colon makes a key of the reference, because a space or nothing follows the colon. Write the reference without spaces, as in docker.io/library/alpine:3.20, or as a map with a source.',
  ]),
  [
    'an empty entry',
    `${STORE}images:\n  -\n`,
    'f.yaml:3: images[0]: it is empty: it must be a reference such as docker.io/library/alpine:3.20, or a map with a source.',
  ],
  [
    'referrers: 24h',
    `${STORE}images: [{ source: a:1, referrers: 24h }]`,
    'f.yaml:2: images[0].referrers: it must be false, or { every: 24h }.',
  ],
];

testComplaints('shape', SHAPE);
