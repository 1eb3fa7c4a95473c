/** Platforms as containerd spells and compares them, and the children of an index that a subset takes. */
import { expect, test } from 'vitest';
import { formatPlatform, parseDescriptor, type Platform } from '../../../../core/descriptor.ts';
import {
  covers,
  isWanted,
  joinPlatforms,
  parsePlatform,
  type Platforms,
} from '../../../../mirror-job/engine/selection/platform.ts';
import { chooseChildren, complaintAbout } from '../../../../mirror-job/engine/selection/platform-choice.ts';
import { parseDigest } from '../../../../core/digest.ts';
import { digestOf } from '../../../support/content.ts';
import { OCI_LAYER, OCI_MANIFEST } from '../../../support/media-types.ts';

test.each([
  ['linux/amd64', 'linux/amd64'],
  ['Linux/AMD64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['linux/x86-64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['linux/i386', 'linux/386'],
  ['linux/arm64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64/8', 'linux/arm64'],
  ['linux/arm64/v9', 'linux/arm64/v9'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/7', 'linux/arm/v7'],
  ['linux/arm/v6', 'linux/arm/v6'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/armel', 'linux/arm/v6'],
  ['macos/arm64', 'darwin/arm64'],
  ['linux/riscv64', 'linux/riscv64'],
  ['wasi/wasm', 'wasi/wasm'],
  ['windows/amd64', 'windows/amd64'],
  ['windows(10.0.20348)/amd64', 'windows(10.0.20348)/amd64'],
  // Every object of JavaScript has these names.
  ['linux/constructor', 'linux/constructor'],
  ['linux/__proto__/toString', 'linux/__proto__/tostring'],
  ['linux/hasownproperty/v1', 'linux/hasownproperty/v1'],
  ['constructor/valueof', 'constructor/valueof'],
])('the platform %s is read as %s', (text, expected) => {
  const platform = parsePlatform(text);
  expect(platform === undefined ? undefined : formatPlatform(platform)).toBe(expected);
});

test.each([
  'linux',
  'amd64',
  '',
  '/',
  'linux/',
  '/amd64',
  'linux/arm/v7/x',
  'linux/amd64,linux/arm64',
  'linux/amd64 ',
  'windows()/amd64',
  '*',
  'linux/*',
])('"%s" is no platform', (text) => {
  expect(parsePlatform(text)).toBeUndefined();
});

function platformOf(text: string): Platform {
  const platform = parsePlatform(text);
  if (platform === undefined) throw new Error(`${text} is no platform.`);
  return platform;
}

test.each([
  [{ os: 'linux', architecture: 'amd64' }, 'linux/amd64', true],
  [{ os: 'linux', architecture: 'amd64', variant: '' }, 'linux/amd64', true],
  [{ os: 'linux', architecture: 'amd64', variant: 'v2' }, 'linux/amd64', false],
  [{ os: 'linux', architecture: 'arm64', variant: 'v8' }, 'linux/arm64', true],
  [{ os: 'linux', architecture: 'arm64' }, 'linux/arm64/v8', true],
  [{ os: 'linux', architecture: 'arm' }, 'linux/arm/v7', true],
  [{ os: 'linux', architecture: 'arm', variant: 'v6' }, 'linux/arm', false],
  [{ os: 'linux', architecture: 'arm' }, 'linux/arm64', false],
  [{ os: 'windows', architecture: 'amd64' }, 'linux/amd64', false],
  [{ os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2582' }, 'windows/amd64', true],
  [
    { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2582' },
    'windows(10.0.20348)/amd64',
    true,
  ],
  [{ os: 'windows', architecture: 'amd64', 'os.version': '10.0.2034' }, 'windows(10.0.20348)/amd64', false],
  [{ os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348' }, 'windows(10.0.2034)/amd64', false],
  [{ os: 'windows', architecture: 'amd64' }, 'windows(10.0.20348)/amd64', false],
])('%o is wanted by %s: %s', (platform, wanted, expected) => {
  expect(isWanted(platform, platformOf(wanted))).toBe(expected);
});

test.each<[Platforms, Platforms, boolean, Platforms]>([
  [undefined, undefined, true, undefined],
  [undefined, ['a/a'], true, undefined],
  [['a/a'], undefined, false, undefined],
  [['a/a', 'b/b'], ['b/b'], true, ['a/a', 'b/b']],
  [['b/b'], ['a/a', 'b/b'], false, ['a/a', 'b/b']],
  [['b/b'], ['a/a'], false, ['a/a', 'b/b']],
  [[], ['a/a'], false, ['a/a']],
])('the stored platforms %o cover %o: %s; together they are %o', (stored, wanted, has, both) => {
  expect([covers(stored, wanted), joinPlatforms(stored, wanted)]).toEqual([has, both]);
});

function child(name: string, fields: Record<string, unknown> = {}) {
  const digest = digestOf(Buffer.from(name));
  return parseDescriptor({ mediaType: OCI_MANIFEST, digest, size: 7, ...fields }, name);
}

const amd64 = child('amd64', { platform: { os: 'linux', architecture: 'amd64' } });
const arm64 = child('arm64', { platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } });
const unknown = { os: 'unknown', architecture: 'unknown' };
const about = (digest: string) => ({
  platform: unknown,
  annotations: {
    'vnd.docker.reference.digest': digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  },
});
const amd64Attestation = child('amd64 attestation', about(amd64.digest));
const arm64Attestation = child('arm64 attestation', about(arm64.digest));
const strayAttestation = child('stray attestation', about(digestOf(Buffer.from('elsewhere'))));
const plain = child('plain');
const empty = child('empty', { platform: { os: '', architecture: '' } });
const layer = child('layer', { mediaType: OCI_LAYER });
const all = [amd64, arm64, amd64Attestation, arm64Attestation, strayAttestation, plain, empty, layer];

test.each(['constructor', '__proto__', 'toString'])(
  'a child whose architecture is "%s" is for that platform, and no other child is left out for it',
  (architecture) => {
    const odd = child('odd', { platform: { os: 'linux', architecture } });
    const platform = `linux/${architecture.toLowerCase()}`;
    expect(chooseChildren([odd, amd64], ['linux/amd64'])).toEqual({
      children: [amd64],
      taken: ['linux/amd64'],
      leftOut: [platform],
    });
    expect(chooseChildren([odd, amd64], [platform])).toMatchObject({ children: [odd], taken: [platform] });
  },
);

test('all children are chosen if no subset is wanted', () => {
  expect(chooseChildren(all, undefined)).toEqual({ children: all, taken: [], leftOut: [] });
});

test('an attestation is chosen with its image, and a child that names no platform is always chosen', () => {
  expect(chooseChildren(all, ['linux/arm64'])).toEqual({
    children: [arm64, arm64Attestation, strayAttestation, plain, empty, layer],
    taken: ['linux/arm64'],
    leftOut: ['linux/amd64'],
  });
});

test.each([
  [['linux/s390x', 'linux/riscv64'], [], ['linux/amd64', 'linux/arm64'], true],
  [['linux/s390x'], [], [], false],
  [['linux/s390x', 'linux/arm64'], ['linux/arm64'], ['linux/amd64'], false],
  [undefined, [], ['linux/amd64'], false],
])(
  'a choice has a complaint only if a subset is wanted, nothing is taken and something is left out: wanted %o, taken %o, left out %o',
  (wanted, taken, leftOut, complains) => {
    const digest = parseDigest(`sha256:${'0'.repeat(64)}`);
    const complaint = complaintAbout('source.test/app', digest, wanted, { taken, leftOut });
    expect(complaint).toBe(
      complains
        ? `source.test/app: ${digest} has nothing for linux/s390x, linux/riscv64. It has: linux/amd64, linux/arm64. Change "platforms" at the image.`
        : undefined,
    );
  },
);
