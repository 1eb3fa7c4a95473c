/** Runs the commands of lifeboat-edge.service and its drop-in as the user nobody, from a tree that this user may not write. */
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeCertificate } from '../support/certificate.ts';
import { codeBlocksOf } from '../support/code-block.ts';
import { allowWriting, asNobody, forbidWriting, processesWith } from '../support/installed-tree.ts';
import { NOBODYS } from '../support/nobody.ts';
import { buildOwnEdge, variablesOf, WORKERD } from '../support/own-edge.ts';
import { freePort, runProgram, startProgram, waitFor, type Program } from '../support/process.ts';
import { emptyBuckets, type Buckets } from '../support/shared.ts';
import { commandOf, parseUnit } from '../support/systemd-unit.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const UNIT = join(import.meta.dirname, '../../infra/systemd/lifeboat-edge.service');

let folder = '';
let store: Buckets;
const tree = () => join(folder, 'tree');
const credentials = () => join(folder, 'credentials');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-edge-unit-'));
  await chmod(folder, 0o755);
  await mkdir(join(tree(), 'node_modules/.bin'), { recursive: true });
  await cp(WORKERD, join(tree(), 'node_modules/.bin/workerd'), { dereference: true });
  await buildOwnEdge(join(tree(), 'dist/edge'));
  await mkdir(credentials());
  const { pem, keyPem } = makeCertificate('localhost');
  await writeFile(join(credentials(), 'tls.crt'), pem);
  await writeFile(join(credentials(), 'tls.key'), keyPem);
  await forbidWriting(tree());
  store = await emptyBuckets();
});

afterAll(async () => {
  await allowWriting(folder);
  await rm(folder, { recursive: true, force: true });
});

/** Replaces the paths of a server, and `%d`, by those of this test. */
const placed = (unit: string) => unit.replaceAll('/opt/lifeboat', tree()).replaceAll('%d', credentials());

async function dropIn(): Promise<string> {
  const blocks = await codeBlocksOf('docs/self-hosting.md');
  const found = blocks.find((block) => block.startsWith('[Service]') && block.includes('tls.capnp'));
  if (found === undefined) throw new Error('docs/self-hosting.md has no drop-in for tls.capnp');
  return found;
}

/** The status of a URL, whose certificate nobody knows. */
async function statusOf(url: string): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}).then((r) => console.log(r.status), () => console.log('none'))`;
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' };
  return (await runProgram(process.execPath, ['-e', script], { env })).stdout.trim();
}

test('an edge that cannot start is started until it can', async () => {
  const unit = parseUnit(await readFile(UNIT, 'utf8'));
  expect(unit.get('Unit')?.get('StartLimitIntervalSec')).toEqual(['0']);
  expect(unit.get('Service')?.get('Restart')).toEqual(['always']);
});

test.each([
  ['the unit', 'http', async () => readFile(UNIT, 'utf8')],
  ['the drop-in for TLS', 'https', dropIn],
] as const)('%s serves as nobody, and ends by SIGTERM', async (_name, scheme, read) => {
  const service = parseUnit(await readFile(UNIT, 'utf8')).get('Service');
  const stopSeconds = Number(/^(\d+)s$/.exec(service?.get('TimeoutStopSec')?.[0] ?? '')?.[1]);
  const host = `127.0.0.1:${await freePort()}`;
  const unit = commandOf(parseUnit(placed(await read())));
  const [command, ...args] = asNobody([...unit, `--socket-addr=${scheme}=${host}`], {
    ...NOBODYS,
    ...variablesOf(store),
  });
  const program: Program = await startProgram(command, args, { cwd: '/' });
  try {
    // The bucket is empty, so its edge is alive and not ready.
    await waitFor('an answer', async () => (await statusOf(`${scheme}://${host}/livez`)) === '200', {
      program,
    });
    expect(await statusOf(`${scheme}://${host}/v2/library/a/manifests/1`)).toBe('503');
    program.kill('SIGTERM');
    const late = setTimeout(() => program.kill('SIGKILL'), stopSeconds * 1000);
    expect(await program.exited).toEqual({ code: 0, signal: null });
    clearTimeout(late);
  } finally {
    await program.stop(0);
  }
  expect(await processesWith(folder)).toEqual([]);
});
