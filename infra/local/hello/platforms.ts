/** The platforms that the sample image runs on, and their machines. */
import { formatPlatform, type Platform } from '../../../core/descriptor.ts';
import { arm64, armv7 } from './arm.ts';
import { helloProgram } from './elf.ts';
import type { Machine } from './machine.ts';
import { ppc64le } from './power.ts';
import { riscv64 } from './riscv.ts';
import { s390x } from './s390.ts';
import { amd64, i386 } from './x86.ts';

export interface HelloPlatform {
  readonly platform: Platform;
  readonly machine: Machine;
}

export const HELLO_PLATFORMS: readonly HelloPlatform[] = [
  { platform: { os: 'linux', architecture: 'amd64' }, machine: amd64 },
  { platform: { os: 'linux', architecture: 'arm64' }, machine: arm64 },
  { platform: { os: 'linux', architecture: 'arm', variant: 'v7' }, machine: armv7 },
  { platform: { os: 'linux', architecture: '386' }, machine: i386 },
  { platform: { os: 'linux', architecture: 'riscv64' }, machine: riscv64 },
  { platform: { os: 'linux', architecture: 'ppc64le' }, machine: ppc64le },
  { platform: { os: 'linux', architecture: 's390x' }, machine: s390x },
];

/** The text that the program writes, with the line's end. */
function helloText(platform: Platform): string {
  return `Hello from Lifeboat. This image came from object storage. (${formatPlatform(platform)})\n`;
}

/** Makes the file of the program. */
export function helloFor({ platform, machine }: HelloPlatform): Uint8Array<ArrayBuffer> {
  return helloProgram(machine, helloText(platform));
}
