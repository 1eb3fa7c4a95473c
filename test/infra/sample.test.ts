import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SAMPLE_TAGS, writeSample, type Sample } from '../../infra/local/sample.ts';
import { digestOf, manifestOf, type Repository } from '../support/content.ts';
import { readJson, referencesOf, type Reference } from '../support/manifest-json.ts';
import { readLayout, storedDigests } from '../support/oci-layout.ts';

const INDEX_DIGEST = 'sha256:01464de71a90e15711d2e3eafbaced4c8890981ef51a89d2b93070fcb8ba1ce1';
const TEXT = 'Hello from Lifeboat. This image came from object storage.';

/**
 * `image` is the digest of the platform's manifest. `code` has the program's last bytes, in the form that `objdump -d`
 * prints.
 */
const PLATFORMS = [
  {
    platform: 'linux/amd64',
    elf: { bits: 64, endian: 'little', machine: 62, flags: 0 },
    size: 279,
    entry: 0x4000f8,
    image: 'sha256:8847ca563968488d82aab273a969858023c4394988fa3cb56420492a9b4d31e0',
    code: 'b801000000 bf01000000 beb0004000 ba48000000 0f05 b83c000000 31ff 0f05',
  },
  {
    platform: 'linux/arm64',
    elf: { bits: 64, endian: 'little', machine: 183, flags: 0 },
    size: 284,
    entry: 0x4000f8,
    image: 'sha256:3fed7d8b44561781eb24e70b0bae0d311a38dfc861e5a2f4e8f208f011a3d514',
    code: '200080d2 011680d2 0108a0f2 020980d2 080880d2 010000d4 000080d2 a80b80d2 010000d4',
  },
  {
    platform: 'linux/arm/v7',
    elf: { bits: 32, endian: 'little', machine: 40, flags: 0x05000000 },
    size: 228,
    entry: 0x4000c0,
    image: 'sha256:8fad969c8e6ffd88d807d9492e828e1742cbbc9aa0f96e6678c700c145503cc5',
    code: '010000e3 741000e3 401040e3 492000e3 047000e3 000000ef 000000e3 017000e3 000000ef',
  },
  {
    platform: 'linux/386',
    elf: { bits: 32, endian: 'little', machine: 3, flags: 0 },
    size: 219,
    entry: 0x4000bc,
    image: 'sha256:6202cd8ad2b48a336fc298f46b99672776261b9babf079b522b418ba8f528774',
    code: 'b804000000 bb01000000 b974004000 ba46000000 cd80 b801000000 31db cd80',
  },
  {
    platform: 'linux/riscv64',
    elf: { bits: 64, endian: 'little', machine: 243, flags: 0 },
    size: 288,
    entry: 0x4000fc,
    image: 'sha256:e4fef2b57d319f1356a735513c0aa75cf8c58b891cc671010ad93466a64d0530',
    code: '13051000 b7054000 9385050b 1306a004 93080004 73000000 13050000 9308d005 73000000',
  },
  {
    platform: 'linux/ppc64le',
    elf: { bits: 64, endian: 'little', machine: 21, flags: 2 },
    size: 288,
    entry: 0x4000fc,
    image: 'sha256:116130a422d7234c560b26894e3dd7cb03a821ebe86b4b6fffc04c2c1f8038d4',
    code: '04000038 01006038 4000803c b0008460 4a00a038 02000044 01000038 00006038 02000044',
  },
  {
    platform: 'linux/s390x',
    elf: { bits: 64, endian: 'big', machine: 22, flags: 0 },
    size: 276,
    entry: 0x4000f8,
    image: 'sha256:1c7160bd053ef3e422411f260c0b711355e0443e9011977709372d570898b2e7',
    code: 'c02100000001 c031004000b0 c04100000048 0a04 c02100000000 0a01',
  },
] as const;

let directory: string;
let written: Sample;
let stored: Repository;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sample-'));
  written = await writeSample(directory);
  stored = await readLayout(directory);
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('the layout', () => {
  test('says which version of the format it has', async () => {
    const bytes = await readFile(join(directory, 'oci-layout'));
    expect(readJson(bytes)).toEqual({ imageLayoutVersion: '1.0.0' });
  });

  test('names the one index by every tag, with the same digest on every machine', () => {
    expect(SAMPLE_TAGS).toEqual(['1.0', 'latest']);
    expect([...stored.tags]).toEqual([
      ['1.0', INDEX_DIGEST],
      ['latest', INDEX_DIGEST],
    ]);
    expect(written.index.digest).toBe(INDEX_DIGEST);
  });

  test('contains exactly the objects that its manifests name, each under its digest', async () => {
    const digests = [...stored.manifests.keys(), ...stored.blobs.keys()].toSorted();
    expect(digests).toHaveLength(1 + 3 * PLATFORMS.length);
    expect(await storedDigests(directory)).toEqual(digests);
    expect([...written.blobs.keys()].toSorted()).toEqual(digests);
    for (const digest of digests) expect(digestOf(await blob(digest))).toBe(digest);
  });

  test('gives the real size and media type of every object', async () => {
    const index = referencesOf(readJson(manifestOf(stored, INDEX_DIGEST).bytes));
    expect(index.mediaType).toBe('application/vnd.oci.image.index.v1+json');
    for (const child of index.manifests) {
      expect(child).toMatchObject({ mediaType: 'application/vnd.oci.image.manifest.v1+json' });
      const image = referencesOf(readJson(await blob(child.digest)));
      expect(image.mediaType).toBe(child.mediaType);
      expect(image.config?.mediaType).toBe('application/vnd.oci.image.config.v1+json');
      expect(image.layers.map((layer) => layer.mediaType)).toEqual([
        'application/vnd.oci.image.layer.v1.tar+gzip',
      ]);
      for (const { digest, size } of [child, ...image.blobs]) expect(await blob(digest)).toHaveLength(size);
    }
  });

  test('is the same when it is written again', async () => {
    const before = await filesOf(directory);
    await writeSample(directory);
    expect(await filesOf(directory)).toEqual(before);
  });

  test('has the platforms in their order', () => {
    const index = referencesOf(readJson(manifestOf(stored, INDEX_DIGEST).bytes));
    expect(index.manifests.map((child) => child.platform)).toEqual(PLATFORMS.map((entry) => entry.platform));
    expect(written.images.map((image) => image.digest)).toEqual(PLATFORMS.map((entry) => entry.image));
  });
});

describe.each(PLATFORMS)('$platform', ({ platform, elf, size, entry, image, code }) => {
  const text = `${TEXT} (${platform})\n`;

  test('is an image that runs /hello, and has one layer with that file', async () => {
    const manifest = referencesOf(readJson(await blob(image)));
    const [layer] = manifest.layers;
    const tar = gunzipSync(await blobAt(layer));
    const [os, architecture, variant] = platform.split('/');
    expect(readJson(await blobAt(manifest.config))).toEqual({
      os,
      architecture,
      ...(variant !== undefined && { variant }),
      config: { Entrypoint: ['/hello'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    });

    expect(tar).toHaveLength(2048);
    expect(tar.toString('latin1', 0, 8)).toBe('hello\0\0\0');
    expect(tar.toString('latin1', 100, 107)).toBe('0000755');
    expect(tar.toString('latin1', 257, 265)).toBe('ustar\u000000');
    const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    const own = tar.subarray(148, 156).reduce((total, byte) => total + byte, 0);
    expect(Number.parseInt(tar.toString('latin1', 148, 154), 8)).toBe(sum - own + 8 * 0x20);
    expect(tar.subarray(512 + size).every((byte) => byte === 0)).toBe(true);
  });

  test('is a program of less than 1 KiB for that processor', async () => {
    const program = await programOf(image);
    expect(program).toHaveLength(size);
    expect(size).toBeLessThan(1024);
    const wide = elf.bits === 64;
    expect(readElf(program)).toEqual({
      magic: '\x7fELF',
      class: wide ? 2 : 1,
      data: elf.endian === 'little' ? 1 : 2,
      identVersion: 1,
      identRest: '000000000000000000',
      type: 2,
      machine: elf.machine,
      version: 1,
      entry,
      programHeaders: wide ? 64 : 52,
      sectionHeaders: 0,
      flags: elf.flags,
      headerSize: wide ? 64 : 52,
      programHeaderSize: wide ? 56 : 32,
      programHeaderCount: 2,
      sectionHeaderSize: 0,
      sectionHeaderCount: 0,
      sectionNames: 0,
      segments: [
        {
          type: 1,
          flags: 5,
          offset: 0,
          virtualAddress: 0x400000,
          physicalAddress: 0x400000,
          fileSize: size,
          memorySize: size,
          align: 0x10000,
        },
        {
          type: 0x6474e551,
          flags: 6,
          offset: 0,
          virtualAddress: 0,
          physicalAddress: 0,
          fileSize: 0,
          memorySize: 0,
          align: 16,
        },
      ],
    });
  });

  test('has the message right after its headers, and its code at its entry', async () => {
    const program = await programOf(image);
    const messageAt = elf.bits === 64 ? 176 : 116;
    expect(program.toString('latin1', messageAt, messageAt + text.length)).toBe(text);
    expect(program.subarray(entry - 0x400000).toString('hex')).toBe(code.replaceAll(' ', ''));
  });
});

const OWN = { x64: 'linux/amd64', arm64: 'linux/arm64', riscv64: 'linux/riscv64', s390x: 'linux/s390x' };
const own = PLATFORMS.find(
  ({ platform }) =>
    process.platform === 'linux' &&
    Object.entries(OWN).some(([arch, name]) => arch === process.arch && name === platform),
);

test.runIf(own !== undefined)('the program for this machine runs and says hello', async () => {
  const path = join(directory, 'hello');
  await writeFile(path, await programOf(own?.image ?? ''), { mode: 0o755 });
  const { stdout, stderr } = await promisify(execFile)(path, [], { timeout: 10_000 });
  expect({ stdout, stderr }).toEqual({ stdout: `${TEXT} (${own?.platform})\n`, stderr: '' });
});

async function blob(digest: string): Promise<Buffer> {
  return readFile(join(directory, 'blobs', ...digest.split(':')));
}

async function blobAt(reference: Reference | undefined): Promise<Buffer> {
  if (reference === undefined) throw new Error('The manifest names no such blob.');
  return blob(reference.digest);
}

/** Returns the file in the image's layer, with the size that the tar gives. */
async function programOf(image: string): Promise<Buffer> {
  const [layer] = referencesOf(readJson(await blob(image))).layers;
  const tar = gunzipSync(await blobAt(layer));
  return tar.subarray(512, 512 + Number.parseInt(tar.toString('latin1', 124, 135), 8));
}

async function filesOf(root: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const file of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(file.parentPath, file.name);
    if (file.isFile()) files.set(path, digestOf(await readFile(path)));
  }
  return files;
}

/** Reads an ELF file. The offsets are those of elf(5), and are independent of the code that writes the files. */
function readElf(file: Buffer): object {
  const wide = file[4] === 2;
  const little = file[5] === 1;
  const half = (at: number) => (little ? file.readUInt16LE(at) : file.readUInt16BE(at));
  const word = (at: number) => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const address = (narrowAt: number, wideAt: number) => {
    if (!wide) return word(narrowAt);
    return Number(little ? file.readBigUInt64LE(wideAt) : file.readBigUInt64BE(wideAt));
  };
  const start = address(28, 32);
  const tail = wide ? 48 : 36;
  const segment = (index: number) => {
    const at = start + index * half(tail + 6);
    return {
      type: word(at),
      flags: word(at + (wide ? 4 : 24)),
      offset: address(at + 4, at + 8),
      virtualAddress: address(at + 8, at + 16),
      physicalAddress: address(at + 12, at + 24),
      fileSize: address(at + 16, at + 32),
      memorySize: address(at + 20, at + 40),
      align: address(at + 28, at + 48),
    };
  };
  return {
    magic: file.toString('latin1', 0, 4),
    class: file[4],
    data: file[5],
    identVersion: file[6],
    identRest: file.toString('hex', 7, 16),
    type: half(16),
    machine: half(18),
    version: word(20),
    entry: address(24, 24),
    programHeaders: start,
    sectionHeaders: address(32, 40),
    flags: word(tail),
    headerSize: half(tail + 4),
    programHeaderSize: half(tail + 6),
    programHeaderCount: half(tail + 8),
    sectionHeaderSize: half(tail + 10),
    sectionHeaderCount: half(tail + 12),
    sectionNames: half(tail + 14),
    segments: Array.from({ length: half(tail + 8) }, (_, index) => segment(index)),
  };
}
