/** Values that are well formed but mean nothing, or contradict each other. */
import { STORE, testComplaints, type Case } from './table.ts';

const NOTHING_SELECTS =
  "nothing selects tags or digests. Add a tag to the reference, as in docker.io/library/alpine:3.20, or tags: ['*'] for all of them, or digests.";
const TAG_RULE = 'a tag is 1 to 128 letters, digits, "_", "." and "-", and does not start with "." or "-".';
const NEITHER =
  'is neither a tag (at most 128 letters, digits, "_", "." and "-") nor a pattern ("*" stands for any text; /…/ is a regular expression).';

const BUCKET_RULE =
  'it has letters, digits, ".", "_" and "-", begins with a letter or a digit, and has no two dots side by side, as in lifeboat-mirror. A folder of the bucket goes into prefix.';
const PREFIX_RULE =
  'its parts have letters, digits, ".", "_" and "-", and a "/" stands between two of them, as in mirrors/team-a. No part is empty, "." or "..".';

const COUNTS =
  "it counts the tags that a pattern or a range selects, and this image has neither. Add include: ['*'] or semver: '*'.";

const MEANING: readonly Case[] = [
  [
    'store and stores',
    `${STORE}stores: [{ bucket: b, region: r }]\nimages: [a:1]`,
    'f.yaml:2: stores: the configuration has the key store too: list that store here as the first one, or leave one of the two keys out.',
  ],
  [
    'several stores for different readers',
    'stores:\n  - { bucket: b, region: r }\n  - { bucket: c, region: r, audience: token }\nimages: [a:1]',
    'f.yaml:3: stores[1].audience: it must be public, as for the first store, because all stores hold the same images for the same readers.',
  ],
  [
    'a store twice',
    'stores:\n  - { bucket: b, region: r, prefix: a }\n  - { bucket: b, region: r }\n  - { bucket: b, region: r, prefix: /a/ }\nimages: [a:1]',
    'f.yaml:4: stores[2]: this is the same bucket as a store that is listed before it. Keep one of the two.',
  ],
  [
    'an access key without its secret, in one of several stores',
    'stores: [{ bucket: b, region: r, accessKeyId: k }]\nimages: [a:1]',
    'f.yaml:1: stores[0]: accessKeyId and secretAccessKey belong together: give both, or neither to use the AWS SDK’s own chain.',
  ],
  [
    'an edge without a scheme',
    `${STORE}edge: { url: mirror.example.com }\nimages: [a:1]`,
    'f.yaml:2: edge.url: it must be an address such as https://mirror.example.com.',
  ],
  [
    'an edge with a path',
    `${STORE}edge:\n  url: https://mirror.example.com/v2/\nimages: [a:1]`,
    'f.yaml:3: edge.url: it must end after the host: write https://mirror.example.com.',
  ],
  [
    'an edge with a query',
    `${STORE}edge: { url: 'https://mirror.example.com/?ns=quay.io' }\nimages: [a:1]`,
    'f.yaml:2: edge.url: it must end after the host: write https://mirror.example.com.',
  ],
  [
    'an edge with a password',
    `${STORE}edge: { url: 'https://ci:hunter2@mirror.example.com' }\nimages: [a:1]`,
    'f.yaml:2: edge.url: it must have no user and no password: a token belongs into a file (--token-file, or edge.tokenFile).',
  ],
  ['no tag', `${STORE}images:\n  - docker.io/library/nginx\n`, `f.yaml:3: images[0]: ${NOTHING_SELECTS}`],
  [
    'exclude alone',
    `${STORE}images: [{ source: a, tags: { exclude: ['*'] } }]`,
    `f.yaml:2: images[0]: ${NOTHING_SELECTS}`,
  ],
  [
    'an empty list of tags',
    `${STORE}images: [{ source: a, tags: [], digests: [] }]`,
    `f.yaml:2: images[0]: ${NOTHING_SELECTS}`,
  ],
  [
    'a host that is a pattern, on demand',
    `${STORE}onDemand:\n  - docker.io/library/*\n  - '*.io/library/*'\n`,
    'f.yaml:4: onDemand[1]: the host must not be a pattern, because then anybody who may pull could choose which hosts the job asks. Write an entry for each host.',
  ],
  [
    'no path, on demand',
    `${STORE}onDemand: [{ source: docker.io }]`,
    'f.yaml:2: onDemand[0].source: it needs a host and a pattern, as in docker.io/library/*. "docker.io" has no slash.',
  ],
  [
    'a scheme, on demand',
    `${STORE}onDemand: ['https://docker.io/library/*']`,
    'f.yaml:2: onDemand[0]: leave out "https://": a source is a host and a pattern, as in docker.io/library/*.',
  ],
  [
    'a layout, on demand',
    `${STORE}onDemand: ['oci:./images']`,
    'f.yaml:2: onDemand[0]: an OCI layout cannot be mirrored on demand. List it under images.',
  ],
  [
    'one part of Docker Hub, on demand',
    `${STORE}onDemand: ['docker.io/*']`,
    'f.yaml:2: onDemand[0]: each path of Docker Hub has two parts. Write docker.io/library/* for official images, or docker.io/** for all.',
  ],
  [
    'a tag in the pattern',
    `${STORE}onDemand: ['docker.io/library/*:1.*']`,
    'f.yaml:2: onDemand[0]: leave out the tag or digest: which tags are mirrored belongs under tags.',
  ],
  [
    'everything but one path',
    `${STORE}onDemand: ['quay.io/!acme/*']`,
    'f.yaml:2: onDemand[0]: "!acme/*" is not a pattern of paths, such as library/* or prometheus/**. Paths have lower-case letters and digits.',
  ],
  [
    'a bracket without its partner, on demand',
    `${STORE}onDemand: ['quay.io/{a,b/*']`,
    'f.yaml:2: onDemand[0]: "{a,b/*" has a bracket without its partner.',
  ],
  [
    'tags that are counted, on demand',
    `${STORE}onDemand: [{ source: quay.io/**, tags: { latest: 5 } }]`,
    'f.yaml:2: onDemand[0].tags.latest: it counts the tags of a list, and on demand no tags are listed. Leave it out.',
  ],
  [
    'no tags, on demand',
    `${STORE}onDemand: [{ source: quay.io/**, tags: [] }]`,
    'f.yaml:2: onDemand[0].tags: it selects no tag. Leave the key out for all tags.',
  ],
  [
    'a size without its unit',
    `${STORE}onDemand: [{ source: quay.io/**, maxSize: '500' }]`,
    'f.yaml:2: onDemand[0].maxSize: "500" needs a unit: 500MiB or 500GiB.',
  ],
  [
    'a size in words',
    `${STORE}onDemand: [{ source: quay.io/**, maxSize: large }]`,
    'f.yaml:2: onDemand[0].maxSize: "large" is not a size, such as 500MiB, 8GiB or 2.5GB.',
  ],
  ['no image and nothing on demand', STORE, 'f.yaml:1: images: it is missing.'],
  [
    'a platform without its architecture',
    `${STORE}images:\n  - source: a:1\n    platforms: [linux/arm64, amd64]\n`,
    'f.yaml:4: images[0].platforms[1]: "amd64" is not a platform, such as linux/amd64, linux/arm/v7 or windows(10.0.20348)/amd64.',
  ],
  [
    'a pattern for platforms, by default',
    `${STORE}defaults: { platforms: ['linux/*'] }\nimages: [a:1]`,
    'f.yaml:2: defaults.platforms[0]: "linux/*" is not a platform, such as linux/amd64, linux/arm/v7 or windows(10.0.20348)/amd64.',
  ],
  ['a bad tag', `${STORE}images: [a:-1]`, `f.yaml:2: images[0]: "-1" is not a valid name: ${TAG_RULE}`],
  [
    'a bad tag in the list',
    `${STORE}images:\n  - source: a\n    tags: ['1', 'a b']\n`,
    `f.yaml:4: images[0].tags[1]: "a b" ${NEITHER}`,
  ],
  [
    'a pattern that no tag matches',
    `${STORE}images: [{ source: a, tags: ['v1 *'] }]`,
    `f.yaml:2: images[0].tags[0]: "v1 *" ${NEITHER}`,
  ],
  [
    'an open bracket in a pattern',
    `${STORE}images: [{ source: a, tags: { include: ['*'], exclude: ['[a'] } }]`,
    'f.yaml:2: images[0].tags.exclude[0]: "[a" has a bracket without its partner.',
  ],
  [
    'a bad regular expression',
    `${STORE}images: [{ source: a, tags: ['/v(/'] }]`,
    'f.yaml:2: images[0].tags[0]: "/v(/" is not a regular expression: Unterminated group.',
  ],
  [
    'a flag',
    `${STORE}images: [{ source: a, tags: ['/v/i'] }]`,
    'f.yaml:2: images[0].tags[0]: "/v/i" begins like a regular expression but does not end with a slash. A regular expression stands between two slashes and has no flags, as in /^v\\d+$/.',
  ],
  [
    'ranges that contain no version',
    `${STORE}images:\n  - { source: a, tags: { semver: '1.28.0-alpine' } }\n  - { source: b, tags: { semver: '>2 <1' } }\n  - { source: c, tags: { semver: '=1.0.0-rc1 || >=2.0.0-0' } }`,
    `f.yaml:3: images[0].tags.semver: "1.28.0-alpine" is a range that contains no version: the part after a version, as in 1.28.0-alpine, goes under suffix.
f.yaml:4: images[1].tags.semver: ">2 <1" is a range that contains no version: the part after a version, as in 1.28.0-alpine, goes under suffix.`,
  ],
  [
    'a text that is not a range',
    `${STORE}images: [{ source: a, tags: { semver: 'newer than 1' } }]`,
    'f.yaml:2: images[0].tags.semver: "newer than 1" is not a range of versions, such as >=1.27, ~1.27, ^2 or 1.27 - 1.29 || 2.x.',
  ],
  [
    'a suffix without its hyphen',
    `${STORE}images: [{ source: a, tags: { suffix: ['', alpine] } }]`,
    "f.yaml:2: images[0].tags.suffix[1]: \"alpine\" is not a suffix. A suffix begins with a hyphen or an underscore, as in '-alpine' or '_amd64*'; '' stands for no suffix.",
  ],
  [
    'latest without a pattern or a range',
    `${STORE}images: [{ source: a, tags: { latest: 5 } }]`,
    `f.yaml:2: images[0].tags.latest: ${COUNTS}`,
  ],
  [
    'minTags without a pattern or a range',
    `${STORE}images: [{ source: a, tags: { include: ['1', '2'], minTags: 2 } }]`,
    `f.yaml:2: images[0].tags.minTags: ${COUNTS}`,
  ],
  [
    'minTags that is more than latest leaves',
    `${STORE}images:\n  - { source: a, tags: { include: ['*'], latest: 2, minTags: 3 } }\n  - { source: b, tags: { suffix: ['', '-a'], precision: [3], latest: 2, minTags: 5 } }`,
    'f.yaml:3: images[0].tags.minTags: latest leaves at most 2 tags, so no list is ever long enough. Lower minTags, or raise latest.\nf.yaml:4: images[1].tags.minTags: latest leaves at most 4 tags, so no list is ever long enough. Lower minTags, or raise latest.',
  ],
  [
    'a bad digest',
    `${STORE}images: [{ source: a, digests: ['sha256:abc'] }]`,
    'f.yaml:2: images[0].digests[0]: "sha256:abc" is not a digest (sha256: and 64, or sha512: and 128, lower-case hexadecimal digits).',
  ],
  [
    'a pattern in a reference',
    `${STORE}images:\n  - alpine:3.*\n  - source: 'localhost:5000/app:{a,b}'\n`,
    'f.yaml:3: images[0]: a pattern of tags belongs under tags. Write { source: "alpine", tags: ["3.*"] }.\nf.yaml:4: images[1].source: a pattern of tags belongs under tags. Write { source: "localhost:5000/app", tags: ["{a,b}"] }.',
  ],
  [
    'an upstream with a scheme',
    `${STORE}upstreams:\n  https://docker.io: { concurrency: 2 }\nimages: [a:1]`,
    'f.yaml:3: upstreams["https://docker.io"]: leave out "https://": an upstream is a host, as in docker.io or registry.internal:5000.',
  ],
  [
    'a digest after a tag that is cut off',
    `${STORE}images: ['a:1@sha256:0123']`,
    'f.yaml:2: images[0]: "a:1@sha256:0123" is not a valid name: "sha256:0123" after "@" is not a sha256 or sha512 digest.',
  ],
  [
    'a scheme',
    `${STORE}images:\n  - source: https://docker.io/library/a:1\n`,
    'f.yaml:3: images[0].source: leave out "https://": a source is a host and a path, as in docker.io/library/alpine.',
  ],
  [
    'upper case',
    `${STORE}images: [docker.io/Library/a:1]`,
    'f.yaml:2: images[0]: "docker.io/Library/a" is not a valid name: "Library" is not a path component (lower-case letters and digits, with single ".", "_", "__" or hyphens between them).',
  ],
  [
    'an IPv6 address',
    `${STORE}images: ['[::1]:5000/a:1']`,
    'f.yaml:2: images[0]: "[::1]:5000" is not a valid name: IPv6 literals cannot be part of an image name; use a host name.',
  ],
  [
    'a layout without a name',
    `${STORE}images: [{ source: 'oci:./x', tags: ['*'] }]`,
    'f.yaml:2: images[0]: an image layout needs a name to be served under, as in name: images.internal/app.',
  ],
  [
    'a name without a host',
    `${STORE}images: [{ source: a:1, name: my/app }]`,
    'f.yaml:2: images[0].name: its first part has to look like a host, as in "images.internal/my/app".',
  ],
  [
    'an access key without its secret',
    'store:\n  region: r\n  bucket: b\n  accessKeyId: x\nimages: [a:1]',
    'f.yaml:1: store: accessKeyId and secretAccessKey belong together: give both, or neither to use the AWS SDK’s own chain.',
  ],
  [
    'neither endpoint nor region',
    'store: { bucket: b }\nimages: [a:1]',
    'f.yaml:1: store: it needs an endpoint or, for AWS, a region.',
  ],
  [
    'an endpoint without scheme',
    'store: { endpoint: "s3.example.com:9000", bucket: b }\nimages: [a:1]',
    'f.yaml:1: store.endpoint: it must be an address such as https://s3.example.com.',
  ],
  [
    'keys in the endpoint',
    'store: { endpoint: "https://user:hunter2@s3.example.com", bucket: b }\nimages: [a:1]',
    'f.yaml:1: store.endpoint: it must be an address alone: keys belong in accessKeyId and secretAccessKey.',
  ],
  [
    'a query in the endpoint',
    'store: { endpoint: "https://s3.example.com/?X-Amz-Signature=hunter2", bucket: b }\nimages: [a:1]',
    'f.yaml:1: store.endpoint: it must have no query: leave out the ? and what follows it, as in https://s3.example.com.',
  ],
  [
    'a fragment in the endpoint',
    'store:\n  endpoint: "https://s3.example.com/#hunter2"\n  bucket: b\nimages: [a:1]',
    'f.yaml:2: store.endpoint: it must have no fragment: leave out the # and what follows it, as in https://s3.example.com.',
  ],
  ...['a/b', '../x', 'a b', ' ', '..', 'a..b', '-a', 'a?b', 'a\\b', 'bücket'].map((bucket): Case => [
    `the bucket ${JSON.stringify(bucket)}`,
    `store:\n  region: r\n  bucket: '${bucket}'\nimages: [a:1]`,
    `f.yaml:3: store.bucket: "${bucket}" is not a name that a bucket can have: ${BUCKET_RULE}`,
  ]),
  ...['..', '../..', '/../', 'a/./b', ' ', ' a', 'a ', 'a b', 'a//b', 'a?', 'ä'].map((prefix): Case => [
    `the prefix ${JSON.stringify(prefix)}`,
    `stores:\n  - region: r\n    bucket: b\n    prefix: '${prefix}'\nimages: [a:1]`,
    `f.yaml:4: stores[0].prefix: "${prefix}" is not a folder of a bucket: ${PREFIX_RULE}`,
  ]),
  [
    'control characters in the bucket and the prefix',
    'store: { region: r, bucket: "a\\u0007b", prefix: "a\\nb" }\nimages: [a:1]',
    [
      `f.yaml:1: store.bucket: "a\\u0007b" is not a name that a bucket can have: ${BUCKET_RULE}`,
      `f.yaml:1: store.prefix: "a\\u000ab" is not a folder of a bucket: ${PREFIX_RULE}`,
    ].join('\n'),
  ],
  [
    'the value of a variable as a bucket',
    'store:\n  region: r\n  bucket: ${SECRET}\nimages: [a:1]',
    'f.yaml:3: store.bucket: the value of ${SECRET} does not fit here. Check the variable, or write the value itself.',
  ],
  [
    'no host',
    `${STORE}upstreams:\n  "a b": { insecure: true }\nimages: [a:1]`,
    'f.yaml:3: upstreams["a b"]: "a b" is not a valid name: a registry is a host name, with ":" or "_" and a port if it has one.',
  ],
  [
    'an upstream under two names',
    `${STORE}upstreams:\n  docker.io: {}\n  index.docker.io: {}\nimages: [a:1]`,
    'f.yaml:4: upstreams["index.docker.io"]: this is docker.io a second time. Keep one of the two entries.',
  ],
  [
    'an upstream with and without the port of https',
    `${STORE}upstreams:\n  ghcr.io: {}\n  ghcr.io:443: {}\nimages: [a:1]`,
    'f.yaml:4: upstreams["ghcr.io:443"]: this is ghcr.io a second time. Keep one of the two entries.',
  ],
  [
    'plain HTTP on the port of https',
    `${STORE}upstreams:\n  a.b:443: { insecure: true }\nimages: [a:1]`,
    'f.yaml:3: upstreams["a.b:443"].insecure: "a.b:443" is the same name as "a.b", and an insecure upstream of that name is asked on port 80. Give the registry another port.',
  ],
  [
    'a bad duration',
    `${STORE}defaults: { referrers: { every: daily } }\nimages: [a:1]`,
    'f.yaml:2: defaults.referrers.every: "daily" is not a duration, such as 30s, 5m, 24h or 7d.',
  ],
  [
    'a timeout of 0',
    `${STORE}upstreams: { a.b: { timeout: 0s } }\nimages: [a:1]`,
    'f.yaml:2: upstreams["a.b"].timeout: it must be more than 0 and at most 1h.',
  ],
  [
    'a timeout that is too long for a timer',
    `${STORE}upstreams: { a.b: { timeout: 30d } }\nimages: [a:1]`,
    'f.yaml:2: upstreams["a.b"].timeout: it must be more than 0 and at most 1h.',
  ],
  [
    'a maxDuration of 0',
    `${STORE}maxDuration: 0s\nimages: [a:1]`,
    'f.yaml:2: maxDuration: it must be more than 0 and at most 7d.',
  ],
  [
    'a maxDuration of a month',
    `${STORE}maxDuration: 30d\nimages: [a:1]`,
    'f.yaml:2: maxDuration: it must be more than 0 and at most 7d.',
  ],
  [
    'a stateKey that can be guessed',
    `${STORE}stateKey: 0123456789abcdef0123456789abcde\nimages: [a:1]`,
    'f.yaml:2: stateKey: it must have at least 32 characters. "openssl rand -hex 32" makes a good one.',
  ],
  [
    'several problems at once',
    `${STORE}images:\n  - source: a\n  - source: b\n    tags: ['[']\n    digests: [x]\n    referrers: { every: y }\n`,
    [
      `f.yaml:3: images[0]: ${NOTHING_SELECTS}`,
      'f.yaml:5: images[1].tags[0]: "[" has a bracket without its partner.',
      'f.yaml:6: images[1].digests[0]: "x" is not a digest (sha256: and 64, or sha512: and 128, lower-case hexadecimal digits).',
      'f.yaml:7: images[1].referrers.every: "y" is not a duration, such as 30s, 5m, 24h or 7d.',
    ].join('\n'),
  ],
];

const OTHER = (tag: string, name: string, line: number): string =>
  `it selects the tag "${tag}" of ${name}, and line ${line} selects the same tag from another source. Leave the tag out of one of the two, or give one of them another name.`;
const MAYBE = (name: string, line: number): string =>
  `its patterns and those of line ${line} may select the same tag of ${name} from different sources. List the tags of one of the two by name, or give one of them another name.`;
const OVERLAPS: readonly Case[] = [
  [
    'the same tag from two registries',
    `${STORE}images:\n  - docker.io/library/a:1\n  - source: quay.io/x/a\n    name: docker.io/library/a\n    tags: ['1', '2']\n`,
    `f.yaml:3: images[0]: ${OTHER('1', 'docker.io/library/a', 4)}\nf.yaml:4: images[1]: ${OTHER('1', 'docker.io/library/a', 3)}`,
  ],
  [
    'a tag, and a pattern that matches it',
    `${STORE}images:\n  - { source: 'oci:x', name: my.images/a, tags: ['v*'] }\n  - { source: a:v1, name: my.images/a }\n`,
    `f.yaml:3: images[0]: ${OTHER('v1', 'my.images/a', 4)}\nf.yaml:4: images[1]: ${OTHER('v1', 'my.images/a', 3)}`,
  ],
  [
    'a tag, and a range that it is in',
    `${STORE}images:\n  - { source: 'oci:x', name: my.images/a, tags: { semver: '>=1', latest: 1 } }\n  - { source: a:v1.2, name: my.images/a }\n`,
    `f.yaml:3: images[0]: ${OTHER('v1.2', 'my.images/a', 4)}\nf.yaml:4: images[1]: ${OTHER('v1.2', 'my.images/a', 3)}`,
  ],
  [
    'two patterns',
    `${STORE}images:\n  - { source: 'oci:x', name: my.images/a, tags: ['v1.*'] }\n  - { source: 'oci:y', name: my.images/a, tags: ['v2.*'] }\n`,
    `f.yaml:3: images[0]: ${MAYBE('my.images/a', 4)}\nf.yaml:4: images[1]: ${MAYBE('my.images/a', 3)}`,
  ],
];

testComplaints('meaning', MEANING);
testComplaints('two sources for one tag', OVERLAPS);
