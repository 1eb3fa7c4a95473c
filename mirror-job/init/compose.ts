/** Writes the lifeboat.yaml of `lifeboat init`, with comments for what people decide next. */
import { stringify } from 'yaml';
import { formatReference, parseReference, parseUpstream } from '../../core/reference.ts';
import { parsePlatform, spellPlatform } from '../engine/selection/platform.ts';
import { wordsOf, type Answers } from './fields.ts';

export function composeConfiguration(answers: Answers): string {
  return [
    '# Written by "lifeboat init". "lifeboat check" checks it; docs/configuration.md has every key.',
    ...storeLines(answers),
    '',
    ...edgeLines(answers),
    '',
    ...platformLines(answers),
    '',
    '# A registry that asks for a login: the logins of docker and podman on this machine are used, or',
    '# upstreams:',
    '#   docker.io:',
    "#     credentials: [{ username: me, password: '${DOCKER_HUB_TOKEN}' }]",
    '',
    ...imageLines(answers),
    '',
  ].join('\n');
}

function storeLines({ endpoint, bucket, region, audience }: Answers): string[] {
  return [
    'store:',
    ...(endpoint === '' ? [] : [`  endpoint: ${value(endpoint)}`]),
    `  bucket: ${value(bucket)}`,
    `  region: ${value(region)}`,
    '  # A key that may read, list and write this bucket. The edge has another one, which may only get and list.',
    ...(endpoint === ''
      ? [
          "  # Left out: the AWS SDK's own credential chain finds it.",
          '  # accessKeyId: ${S3_ACCESS_KEY_ID}',
          '  # secretAccessKey: ${S3_SECRET_ACCESS_KEY}',
        ]
      : ['  accessKeyId: ${S3_ACCESS_KEY_ID}', '  secretAccessKey: ${S3_SECRET_ACCESS_KEY}']),
    '  # public: everybody who reaches the edge reads all of the bucket; token: holders of a token of the edge.',
    `  audience: ${value(audience)} # the first run fixes it`,
  ];
}

function edgeLines({ edge, audience }: Answers): string[] {
  const token =
    audience === 'token' ? ['  # tokenFile: edge.token # a token of the edge, and nothing else'] : [];
  if (edge !== '') {
    return [
      '# Where clients are pointed: "lifeboat clients" makes their files, "lifeboat doctor" examines it.',
      'edge:',
      `  url: ${value(edge)}`,
      ...token,
    ];
  }
  return [
    '# Where clients are pointed, once the edge is deployed: "lifeboat clients" makes their files.',
    '# edge:',
    '#   url: https://mirror.example.com',
  ];
}

function platformLines({ platforms }: Answers): string[] {
  const words = wordsOf(platforms, (word) => {
    const platform = parsePlatform(word);
    return platform === undefined ? word : spellPlatform(platform);
  });
  const why =
    '# Of an image for several platforms, only these are stored. podman and CRI-O nodes of others then fail to pull.';
  if (words.length === 0) return [why, '# defaults:', '#   platforms: [linux/amd64, linux/arm64]'];
  return [why, 'defaults:', `  platforms: [${words.map(value).join(', ')}]`];
}

function imageLines({ images, clusters, upstreams }: Answers): string[] {
  return [
    'images:',
    ...wordsOf(images, (word) => formatReference(parseReference(word))).map((image) => `  - ${value(image)}`),
    ...(clusters === ''
      ? []
      : [
          '  # What the clusters run, by the lists that "lifeboat images --cluster NAME --publish" writes into the bucket.',
          '  - inUse:',
          `      clusters: [${wordsOf(clusters).map(value).join(', ')}]`,
          `      upstreams: [${wordsOf(upstreams, parseUpstream).map(value).join(', ')}]`,
        ]),
    '  # By version: the five newest from 1.27 on, with and without -alpine.',
    '  # - source: docker.io/library/nginx',
    "  #   tags: { semver: '>=1.27', precision: [3], suffix: ['', '-alpine'], latest: 5, minTags: 3 }",
  ];
}

/** A text as YAML writes it within a list or a map. */
function value(text: string): string {
  return stringify(text, {
    defaultStringType: /^[\w./:@-]+$/.test(text) ? 'PLAIN' : 'QUOTE_DOUBLE',
    lineWidth: 0,
  }).trimEnd();
}
