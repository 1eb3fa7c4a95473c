/** The files that `lifeboat clients` writes, once for each way of pulling. Only the two addresses in them differ between pulls. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAIN } from '../clients/mirrored-app.ts';
import { runProgram } from '../process.ts';
import type { Order, Row } from './rows.ts';

export type ClientKind = 'containerd-1' | 'containerd' | 'podman';

export interface ClientFileTemplates {
  /** The folder that contains the client's files at their own paths. */
  folderOf(kind: ClientKind): string;
  /**
   * @param path of a file below the root, in which the upstream is called `UPSTREAM`
   * @param edge the edge's host and port
   */
  read(kind: ClientKind, row: Row, path: string, edge: string): Promise<string>;
  stop(): Promise<void>;
}

export const UPSTREAM = 'upstream.test';
const EDGE = '127.77.0.1:8080';

const KINDS: readonly ClientKind[] = ['containerd-1', 'containerd', 'podman'];
const ORDERS: readonly Order[] = ['mirror-first', 'upstream-first'];

/** @throws if the command fails */
export async function writeClientFileTemplates(): Promise<ClientFileTemplates> {
  const root = await mkdtemp(join(tmpdir(), 'lifeboat-fault-files-'));
  const folder = (kind: ClientKind, order: Order, by: Row['table']['by']) => join(root, kind, order, by);
  for (const kind of KINDS) {
    for (const order of ORDERS) {
      // Digests alone are what the command writes unless it is asked for tags too.
      for (const by of ['digest', 'tag'] as const) {
        const tags = by === 'tag' ? ['--tags'] : [];
        const names = ['--edge', `http://${EDGE}`, '--upstream', UPSTREAM, '--order', order, ...tags];
        const args = [MAIN, 'clients', kind, ...names, '--out', folder(kind, order, by)];
        const { code, stderr } = await runProgram(process.execPath, args);
        if (code !== 0) throw new Error(`lifeboat clients ended with ${code}:\n${stderr}`);
      }
    }
  }
  return {
    folderOf: (kind) => folder(kind, 'mirror-first', 'digest'),
    read: async (kind, { table, upstream }, path, edge) => {
      const text = await readFile(join(folder(kind, table.order, table.by), path), 'utf8');
      return text.replaceAll(EDGE, edge).replaceAll(UPSTREAM, upstream);
    },
    stop: async () => rm(root, { recursive: true, force: true }),
  };
}
