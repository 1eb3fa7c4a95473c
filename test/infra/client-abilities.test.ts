/** The tables of docs/clients.md say of each runtime what `lifeboat clients` can make it do. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CLIENT_RUNTIMES } from '../../cluster/clients/runtimes.ts';
import type { ClientSetup } from '../../cluster/clients/setup.ts';
import { parseUpstream } from '../../core/reference.ts';

const page = await readFile(join(import.meta.dirname, '../../docs/clients.md'), 'utf8');

/** The runtimes of each client that the tables name. */
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  containerd: ['containerd', 'containerd-1'],
  podman: ['podman'],
  skopeo: ['podman'],
  'CRI-O': ['cri-o'],
  'Docker Engine': ['docker'],
  k3s: ['k3s'],
  RKE2: ['rke2'],
  Talos: ['talos', 'talos-1.11'],
  BuildKit: ['buildkit'],
  nerdctl: ['nerdctl'],
  kind: ['kind'],
  minikube: ['minikube'],
  microk8s: ['microk8s'],
  AKS: ['aks'],
  EKS: ['eks'],
  GKE: ['gke'],
  Bottlerocket: ['bottlerocket'],
  OpenShift: ['openshift', 'openshift-4.12'],
};

const ALL: ClientSetup = {
  edge: 'https://lifeboat.example.com',
  upstreams: [{ name: parseUpstream('docker.io'), isInsecure: false }],
  order: 'mirror-first',
  tags: true,
  token: undefined,
  peers: [],
};

/** The setting that each column asks for, and the sentence with which a runtime says that it cannot do it. */
const COLUMNS: Readonly<Record<string, readonly [Partial<ClientSetup>, string]>> = {
  'digests only': [{ tags: false }, 'asks the edge for tags too'],
  'upstream first': [{ order: 'upstream-first' }, 'asks the edge before the upstream'],
  'a token in the file': [{ token: 'secret' }, 'does not send the token'],
  'peers first': [{ peers: ['http://127.0.0.1:30020'] }, 'does not ask the peers'],
  'every registry': [{ upstreams: 'all' }, 'is not configured for every registry'],
};

function can(name: string, column: string): boolean {
  const [asked = {}, refusal = ''] = COLUMNS[column] ?? [];
  const runtime = CLIENT_RUNTIMES.find((one) => one.name === name);
  if (runtime === undefined) throw new Error(`There is no runtime ${name}.`);
  return !runtime
    .configure({ ...ALL, ...asked })
    .limits.join('\n')
    .includes(refusal);
}

function cellsOf(row: string): readonly string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** The rows of a table, each as its cells by the names of the columns. */
function tableOf(firstColumn: string): readonly Readonly<Record<string, string>>[] {
  const lines = page.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${firstColumn} `));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  const head = cellsOf(lines[start] ?? '');
  return lines
    .slice(start + 2, end)
    .map((row) => Object.fromEntries(cellsOf(row).map((cell, index) => [head[index] ?? '', cell])));
}

/** `[k3s, RKE2](#k3s-and-rke2)` and `containerd (by CRI)` without the address and the remark. */
function clientsIn(cell: string): readonly string[] {
  return cell
    .replaceAll(/\]\([^)]*\)|\[| \([^)]*\)/g, '')
    .split(', ')
    .filter((client) => client !== 'stargz snapshotter');
}

test.each(['client', 'runtime'])(
  'the table that begins with "%s" says of each row what it can be made to do',
  (firstColumn) => {
    const rows = tableOf(firstColumn);
    expect(rows.length).toBeGreaterThan(6);
    for (const row of rows) {
      for (const client of clientsIn(row[firstColumn] ?? '')) {
        for (const column of Object.keys(COLUMNS).filter((one) => row[one] !== undefined)) {
          const said = !/^no\b/.test(row[column] ?? '');
          expect((RUNTIMES[client] ?? [client]).map((name) => [name, column, can(name, column)])).toEqual(
            (RUNTIMES[client] ?? [client]).map((name) => [name, column, said]),
          );
        }
      }
    }
  },
);

test('every runtime has a row in the table of what runtimes cannot express', () => {
  const named = tableOf('runtime').flatMap((row) => clientsIn(row['runtime'] ?? ''));
  expect(new Set(named.flatMap((client) => RUNTIMES[client]))).toEqual(
    new Set(CLIENT_RUNTIMES.map(({ name }) => name)),
  );
});
