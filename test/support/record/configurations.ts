/**
 * Records configurations that are refused before any request. People read these sentences first, so they are compared
 * exactly.
 */
import type { Scenario } from './stage.ts';

const STORE = 'store: { endpoint: "https://s3.invalid", bucket: lifeboat }\n';
const IMAGES = 'images: [a:1]\n';

const CONFIGURATIONS: Readonly<Record<string, string>> = {
  empty: '',
  'a list': '- a\n- b\n',
  'a tab': 'store:\n\tbucket: b\n',
  'a key twice': `${STORE}${STORE}`,
  'two documents': `${STORE}---\n${STORE}`,
  'an open bracket': `${STORE}images: [a:1\n`,
  'no store': IMAGES,
  'no bucket': `store: { region: r }\n${IMAGES}`,
  'an unknown key': `${STORE}schedule: daily\n${IMAGES}`,
  'a misspelt key': `${STORE}image: [a:1]\n`,
  'a key at the wrong place': `${STORE}platforms: [linux/amd64]\n${IMAGES}`,
  'an unknown key of the store': `store: { bucket: b, region: r, kmsKey: x }\n${IMAGES}`,
  'a variable that is not set': `store: { endpoint: "\${MISSING}", bucket: b }\n${IMAGES}`,
  'a variable that is empty': `store: { endpoint: "\${EMPTY}", bucket: b }\n${IMAGES}`,
  'a variable without braces': `store: { endpoint: $ENDPOINT, bucket: b }\n${IMAGES}`,
  'a store and several': `${STORE}stores: [{ bucket: b, region: r }]\n${IMAGES}`,
  'a store twice': `stores:\n  - { bucket: b, region: r }\n  - { bucket: b, region: r }\n${IMAGES}`,
  'stores for different readers': `stores:\n  - { bucket: b, region: r }\n  - { bucket: c, region: r, audience: token }\n${IMAGES}`,
  'too many stores': `stores: [${'{ bucket: b, region: r }, '.repeat(10)}]\n${IMAGES}`,
  'half a key': `store: { bucket: b, region: r, accessKeyId: k }\n${IMAGES}`,
  'a bad endpoint': `store: { endpoint: "s3.invalid", bucket: b }\n${IMAGES}`,
  'an endpoint with a password': `store: { endpoint: "https://a:secret@s3.invalid", bucket: b }\n${IMAGES}`,
  'a bad audience': `store: { bucket: b, region: r, audience: all }\n${IMAGES}`,
  'a short state key': `${STORE}stateKey: short\n${IMAGES}`,
  'a bad name': `name: Prod\n${STORE}${IMAGES}`,
  'a duration without a unit': `${STORE}maxDuration: 50\n${IMAGES}`,
  'a duration of nothing': `${STORE}maxDuration: 0s\n${IMAGES}`,
  'a bad timeout': `${STORE}upstreams: { a.b: { timeout: 2h, concurrency: 1000 } }\n${IMAGES}`,
  'an upstream with a path': `${STORE}upstreams: { a.b/c: { insecure: true } }\n${IMAGES}`,
  'an upstream twice': `${STORE}upstreams: { ghcr.io: {}, "ghcr.io:443": {} }\n${IMAGES}`,
  'a missing certificate': `${STORE}upstreams: { a.b: { ca: missing.pem } }\n${IMAGES}`,
  'a bad budget': `${STORE}upstreams: { a.b: { budget: { manifestGetsPerRun: 2, keepRemaining: -1 } } }\n${IMAGES}`,
  'credentials of digits': `${STORE}upstreams: { a.b: { credentials: [{ username: a, password: 8675309 }] } }\n${IMAGES}`,
  'bad moves': `${STORE}defaults:\n  moves: { policy: freeze, minAge: 3, maxMovesPerRun: 0, rollback: never }\n${IMAGES}`,
  'no image': `${STORE}images: []\n`,
  'nothing selected': `${STORE}images: [docker.io/library/nginx]\n`,
  'a bad tag': `${STORE}images: [a:-1]\n`,
  'a number as a tag': `${STORE}images: [{ source: a, tags: [1.27, 3.20, 012] }]\n`,
  'one text for tags': `${STORE}images: [{ source: a, tags: "*" }]\n`,
  'a star without quotes': `${STORE}images: [{ source: a, tags: [*] }]\n`,
  'a bad range': `${STORE}images: [{ source: a, tags: { semver: 'newer than 1' } }]\n`,
  'an empty range': `${STORE}images: [{ source: a, tags: { semver: '>2 <1' } }]\n`,
  'a bad suffix': `${STORE}images: [{ source: a, tags: { suffix: ['', alpine] } }]\n`,
  'a bad expression': `${STORE}images: [{ source: a, tags: ['/v(/', '/v/i', '[a'] }]\n`,
  'latest of nothing': `${STORE}images: [{ source: a, tags: { latest: 5 } }]\n`,
  'more at least than at most': `${STORE}images: [{ source: a, tags: { include: ['*'], latest: 2, minTags: 3 } }]\n`,
  'a bad digest': `${STORE}images: [{ source: a, digests: ['sha256:abc'] }]\n`,
  'bad platforms': `${STORE}images: [{ source: 'a:1', platforms: [linux/arm64, amd64, ''] }]\n`,
  'no platforms': `${STORE}images: [{ source: 'a:1', platforms: [] }]\n`,
  'bad referrers': `${STORE}images: [{ source: 'a:1', referrers: 24h }]\n`,
  'a layout without a name': `${STORE}images: [{ source: 'oci:./a', tags: ['*'] }]\n`,
  'a bad name of an image': `${STORE}images: [{ source: 'a:1', name: Upper/case }]\n`,
  'a name without a host': `${STORE}images: [{ source: 'a:1', name: library/a }]\n`,
  'one name of two sources': `${STORE}images: [{ source: 'a:1', name: x.y/z }, { source: 'b:1', name: x.y/z }]\n`,
  'a reference that became a key': `${STORE}images:\n  - alpine: 3.20\n`,
  'an entry of a wrong kind': `${STORE}images: [[a:1], 5, true]\n`,
};

export const recordConfigurations: Scenario = async ({ commandLine }) => {
  const lifeboat = await commandLine('configurations');
  for (const [what, text] of Object.entries(CONFIGURATIONS)) {
    await lifeboat.configure('lifeboat.yaml', text);
    await lifeboat.run(`configuration: ${what}`, ['plan'], { EMPTY: '', ENDPOINT: 'https://s3.invalid' });
  }
  // Each of these commands reads the configuration, and each ends in its own way.
  for (const args of [
    ['sync', '--json'],
    ['history', 'a/b'],
    ['export', 'a/b:1', '--to', 'x.tar'],
    ['revert', 'a/b:1'],
  ]) {
    await lifeboat.run(`a wrong configuration for ${args[0]}`, args);
  }
};
