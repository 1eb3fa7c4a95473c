/** Which children a node pulls, by containerd's order of platforms. */
import { expect, test } from 'vitest';
import { parseDescriptor, type Descriptor } from '../../../core/descriptor.ts';
import { OCI_MANIFEST } from '../../../core/media-type.ts';
import { childrenFor, childrenForNodes } from '../../../mirror-job/drill/needed-children.ts';

/** @param name a platform, or a text that becomes no platform */
function child(name: string, number: number): Descriptor {
  const [os, architecture, variant] = name.split('/');
  return parseDescriptor(
    {
      mediaType: name === 'layer' ? 'application/vnd.oci.image.layer.v1.tar' : OCI_MANIFEST,
      digest: `sha256:${String(number).padStart(64, '0')}`,
      size: 1,
      ...(architecture !== undefined && { platform: { os, architecture, variant } }),
    },
    'it',
  );
}

/** The names of the children that were taken. */
function taken(
  names: readonly string[],
  choose: (all: readonly Descriptor[]) => readonly Descriptor[],
): string[] {
  const all = names.map(child);
  return choose(all).map((one) => names[all.indexOf(one)] ?? '');
}

test.for<readonly [platform: string, names: readonly string[], taken: readonly string[]]>([
  ['linux/amd64', ['linux/amd64', 'linux/arm64', 'unknown/unknown'], ['linux/amd64']],
  ['linux/arm64', ['linux/amd64', 'linux/arm64/v8'], ['linux/arm64/v8']],
  ['linux/arm64', ['linux/amd64', 'linux/arm/v6', 'linux/arm/v7'], ['linux/arm/v7']],
  ['linux/arm', ['linux/arm/v5', 'linux/arm/v6'], ['linux/arm/v6']],
  ['linux/arm/v6', ['linux/arm/v7'], []],
  ['linux/amd64', ['linux/386', 'linux/arm64'], ['linux/386']],
  ['linux/amd64/v3', ['linux/386', 'linux/amd64'], ['linux/amd64']],
  ['linux/amd64', ['windows/amd64'], []],
  ['linux/amd64', ['none'], ['none']],
  ['linux/amd64', ['none', 'linux/amd64'], ['linux/amd64']],
  ['linux/amd64', ['layer'], []],
  ['no platform!', ['linux/amd64', 'none'], ['none']],
])('a node of %s, of %j', ([platform, names, expected]) => {
  expect(taken(names, (all) => childrenFor(all, platform))).toEqual(expected);
});

test('for any node, attestations and layers do not count', () => {
  const names = ['linux/amd64', 'unknown/unknown', 'layer', 'none'];
  expect(taken(names, childrenForNodes)).toEqual(['linux/amd64', 'none']);
});
