/** containerd by CRI or by ctr. Most pulls share one daemon, because a node has one, and each has an image of its own. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  HOSTS_FOLDER,
  startContainerdDaemon,
  type ContainerdDaemon,
  type ContainerdVersion,
} from '../clients/containerd-daemon.ts';
import { pullImage } from '../clients/image-service.ts';
import { UPSTREAM } from './client-file-templates.ts';
import { referenceOf } from './images.ts';
import type { Kept, Puller, PullerName, PullerOptions } from './puller.ts';
import { edgeHostOf, upstreamAddressOf } from './rows.ts';

interface ContainerdOptions extends PullerOptions {
  readonly name: PullerName;
  readonly version: ContainerdVersion;
  readonly by: 'cri' | 'ctr';
}

export async function openContainerd(options: ContainerdOptions): Promise<Puller> {
  const { name, version, by, templates, rows, root } = options;
  const kind = version === '1' ? 'containerd-1' : 'containerd';
  const namespace = by === 'cri' ? 'k8s.io' : 'default';
  const tree = join(templates.folderOf(kind), 'etc/containerd');
  const start = async (some: PullerOptions['rows']): Promise<ContainerdDaemon> => {
    const daemon = await startContainerdDaemon(`faults-${by}${version}`, { version, tree, root });
    // All names are there before the first pull, because a program may read the file while it is written.
    for (const row of some) await daemon.resolve(row.upstream, upstreamAddressOf(row, name));
    return daemon;
  };
  const shared = await start(rows);
  return {
    prepare: async (row, image) => {
      const daemon = row.isAlone ? await start([row]) : shared;
      const path = `etc/containerd/certs.d/${UPSTREAM}/hosts.toml`;
      const text = await templates.read(kind, row, path, edgeHostOf(row, name));
      await mkdir(join(daemon.hosts, row.upstream), { recursive: true });
      await writeFile(join(daemon.hosts, row.upstream, 'hosts.toml'), text);
      const reference = referenceOf(row, image);
      return {
        attempt: async (timeout) => {
          if (by === 'cri') return pullImage(daemon.socket, { image: reference, timeout });
          const pull = ['images', 'pull', '--hosts-dir', HOSTS_FOLDER, '--snapshotter', 'native', reference];
          const { code, stdout, stderr } = await daemon.ctr(namespace, pull, timeout);
          if (code !== 0) throw new Error(stdout + stderr);
        },
        kept: async () => keptOf(daemon.blobs, image.bytes),
        stop: async () => {
          if (row.isAlone) await daemon.stop();
        },
      };
    },
    stop: async () => shared.stop(),
  };
}

/** @param folder of a content store, in which the algorithm is a folder and the digest's digits are the file's name */
async function keptOf(folder: string, expected: ReadonlyMap<string, Buffer>): Promise<Kept> {
  const wrong: string[] = [];
  const missing: string[] = [];
  for (const [digest, bytes] of expected) {
    const found = await readFile(join(folder, digest.replace(':', '/'))).catch(() => undefined);
    if (found === undefined) missing.push(digest);
    else if (!found.equals(bytes)) wrong.push(digest);
  }
  return { wrong, missing };
}
