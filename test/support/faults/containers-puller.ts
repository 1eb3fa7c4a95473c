/** podman and skopeo. Each pull has a node of its own, because one file configures all registries. */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startContainersNode, type ContainersNode } from '../clients/containers-node.ts';
import { requireProgram } from '../programs.ts';
import { referenceOf, type FaultImage } from './images.ts';
import type { Kept, Puller, PullerOptions } from './puller.ts';
import { edgeHostOf, upstreamAddressOf } from './rows.ts';

interface ContainersOptions extends PullerOptions {
  readonly name: 'podman' | 'skopeo';
}

const DROP_IN = 'etc/containers/registries.conf.d/50-lifeboat.conf';

export async function openContainersImage({ name, templates, root }: ContainersOptions): Promise<Puller> {
  const program = await requireProgram(name);
  return {
    prepare: async (row, image) => {
      const node = await startContainersNode({ root });
      await node.resolve(row.upstream, upstreamAddressOf(row, name));
      await mkdir(join(node.root, 'etc/containers/registries.conf.d'), { recursive: true });
      const text = await templates.read('podman', row, DROP_IN, edgeHostOf(row, name));
      await writeFile(join(node.root, DROP_IN), text);
      const reference = referenceOf(row, image);
      const copy = join(node.root, 'copy');
      const args =
        name === 'podman'
          ? ['pull', reference]
          : ['copy', '--preserve-digests', `docker://${reference}`, `dir:${copy}`];
      return {
        attempt: async (timeout) => {
          const { code, stdout, stderr } = await node.run(program, args, { timeout });
          if (code !== 0) throw new Error(stdout + stderr);
        },
        kept: async () => (name === 'podman' ? keptByPodman(node, image) : keptBySkopeo(copy, image)),
        stop: async () => node.stop(),
      };
    },
    stop: async () => {},
  };
}

/** skopeo names the files of layers and the configuration by their digests. */
async function keptBySkopeo(copy: string, image: FaultImage): Promise<Kept> {
  const files = new Map([[join(copy, 'manifest.json'), image.bytes.get(image.image)]]);
  for (const digest of [image.config, image.smallLayer, image.largeLayer]) {
    files.set(join(copy, digest.replace(/^.*:/, '')), image.bytes.get(digest));
  }
  return compare(files);
}

/** podman keeps manifests and the configuration under their digests in base64, and layers unpacked. */
async function keptByPodman(node: ContainersNode, image: FaultImage): Promise<Kept> {
  const images = join(node.root, 'storage/vfs-images');
  const layers = join(node.root, 'storage/vfs/dir');
  const imageId = image.config.replace(/^.*:/, '');
  const files = new Map([
    [join(images, imageId, 'manifest'), image.bytes.get(image.image)],
    [join(images, imageId, inBase64(image.config)), image.bytes.get(image.config)],
  ]);
  const unpacked = await readdir(layers).catch(() => []);
  for (const [path, bytes] of image.files) {
    const places = unpacked.map((layer) => join(layers, layer, path));
    const holding = await Promise.all(places.map(async (place) => ((await read(place)) ? [place] : [])));
    const found = holding.flat();
    for (const place of found.length === 0 ? [join(layers, path)] : found) files.set(place, bytes);
  }
  return compare(files);
}

function inBase64(digest: string): string {
  return `=${Buffer.from(digest).toString('base64')}`;
}

async function compare(files: ReadonlyMap<string, Buffer | undefined>): Promise<Kept> {
  const wrong: string[] = [];
  const missing: string[] = [];
  for (const [path, bytes] of files) {
    const found = await read(path);
    if (found === undefined) missing.push(path);
    else if (bytes?.equals(found) !== true) wrong.push(path);
  }
  return { wrong, missing };
}

async function read(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch(() => undefined);
}
