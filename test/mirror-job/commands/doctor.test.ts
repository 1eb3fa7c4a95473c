/** Tests `lifeboat doctor` as people type it: its arguments, its text, its exit codes. */
import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { close, listen } from '../../support/http-server.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';

const STORE = { endpoint: 'http://127.0.0.1:1', bucket: 'lifeboat', accessKeyId: 'k', secretAccessKey: 's' };

let folder = '';
/** A folder without any file. */
let empty = '';
let server: Server;
/** Answers as an edge does that knows no image. */
let url = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-doctor-'));
  empty = await mkdtemp(join(tmpdir(), 'lifeboat-doctor-'));
  await write('token', 'a-token\n');
  await write('blank', ' \n');
  await write('two', 'one\ntwo\n');
  await write('no-edge.yaml', JSON.stringify({ store: STORE, images: ['docker.io/library/alpine:3.20'] }));
  await write(
    'no-token.yaml',
    JSON.stringify({
      store: STORE,
      images: ['a:1'],
      edge: { url: 'https://a.example.com', tokenFile: 'nothing' },
    }),
  );
  await write('bad.yaml', 'store: 1\n');
  server = createServer(({ url: path, method }, response) => {
    response.setHeader('content-type', 'application/json');
    if (path === '/v2/') response.end('{}');
    else if (path === '/healthz') response.end('{"live":true,"stores":[{"store":1,"last":"answered"}]}');
    else if (path?.startsWith('/v2/_catalog') === true) response.end('{"repositories":[]}');
    else
      response
        .writeHead(method === 'POST' ? 405 : 404)
        .end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"\\u001b[31mno\\u001b[0m"}]}');
  });
  url = `http://127.0.0.1:${await listen(server)}`;
});

afterAll(async () => {
  if (server !== undefined) await close(server);
  for (const one of [folder, empty]) await rm(one, { recursive: true, force: true });
});

async function write(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), text);
}

function doctor(
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<Ended> {
  return runMain(['doctor', ...args], createIo({ cwd: folder, ...options }));
}

test.for<readonly [args: readonly string[], complaint: string]>([
  [
    [],
    'name the edge, as in https://mirror.example.com, or write "edge: { url: … }" into the configuration.',
  ],
  [['-c', 'no-edge.yaml'], 'name the edge, as in https://mirror.example.com'],
  [['https://a.example.com', 'https://b.example.com'], 'name one edge.'],
  [['a.example.com'], 'the address of the edge: it must be an address such as https://mirror.example.com.'],
  [
    ['ftp://a.example.com'],
    'the address of the edge: it must be an address such as https://mirror.example.com.',
  ],
  [
    ['https://a.example.com/v2/'],
    'the address of the edge: it must end after the host: write https://a.example.com.',
  ],
  [
    ['https://a.example.com/?x'],
    'the address of the edge: it must end after the host: write https://a.example.com.',
  ],
  [['https://me:hunter2@a.example.com'], 'the address of the edge: it must have no user and no password'],
  [['https://a.example.com', '--token-file', 'absent'], '--token-file absent: there is no such file.'],
  [['https://a.example.com', '--token-file', '.'], '--token-file .: it cannot be read (EISDIR).'],
  [['https://a.example.com', '--token-file', ''], '--token-file names no file.'],
  [
    ['https://a.example.com', '--token-file', 'blank'],
    '--token-file blank: it is empty. Write the token into it.',
  ],
  [
    ['https://a.example.com', '--token-file', 'two'],
    '--token-file two: it must hold one token and nothing else.',
  ],
  [['-c', 'no-token.yaml'], 'edge.tokenFile'],
  [['https://a.example.com', '--image', 'UPPER'], '--image: "docker.io/UPPER" is not a valid name'],
  [['https://a.example.com', '--images', 'x'], 'there is no option "--images". Did you mean "--image"?'],
  [['https://a.example.com', '-c', 'absent.yaml'], 'absent.yaml: there is no such file.'],
  [['https://a.example.com', '-c', 'bad.yaml'], 'bad.yaml:1: store'],
])('%j is refused with exit code 2', async ([args, complaint]) => {
  const { code, stdout, stderr } = await doctor(args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(complaint);
  expect(stderr).not.toMatch(/hunter2|\n\s+at /);
});

test('one half of the key of the edge is refused', async () => {
  const { code, stderr } = await doctor(['https://a.example.com'], { env: { EDGE_S3_ACCESS_KEY_ID: 'k' } });
  expect([code, stderr]).toEqual([
    2,
    'lifeboat: EDGE_S3_ACCESS_KEY_ID and EDGE_S3_SECRET_ACCESS_KEY belong together: set both, or neither.\n',
  ]);
});

test('the text groups the checks, explains problems, says what was not looked at and what clients do', async () => {
  const { code, stdout, stderr } = await doctor([url], { cwd: empty });
  expect(code).toBe(3);
  expect(stdout.replaceAll(url, 'EDGE').replaceAll(/\d+ ms/g, 'N ms')).toBe(`EDGE

connection
  ok             each of 5 answers was a registry's own
  not looked at  the address is plain HTTP
  not looked at  the address is on this machine
  ok             the first byte comes after N ms, and after N ms at most
  ok             the clocks of the edge and this machine agree

registry
  ok             /v2/ says 200: CRI-O, podman and skopeo, which ask it first, go on to pull
  ok             the answers are those of a Lifeboat edge
  ok             /healthz says that a store answers
  ok             an image that is not here gets 404 and a code, so clients ask the upstream
  problem        the list of repositories is empty
                 because nothing was mirrored yet, or the variable CATALOG of the edge does not have the name of the job's configuration
                 next: run "lifeboat sync", or set CATALOG to the name in lifeboat.yaml
  not looked at  the list of tags
  not looked at  the list of signatures: no digest is known

access
  ok             everybody who reaches the edge may read (AUDIENCE = public)
  ok             no answer asks for a login, so no client sends one that is not for this edge
  ok             a push is refused with 405

names
  not looked at  images: neither the edge nor the bucket nor lifeboat.yaml lists one. Name one by --image

manifests
  not looked at  images: neither the edge nor the bucket nor lifeboat.yaml lists one. Name one by --image

blobs
  not looked at  images: neither the edge nor the bucket nor lifeboat.yaml lists one. Name one by --image

bucket
  not looked at  the bucket: there is no lifeboat.yaml here; name one by -c FILE

clients
  containerd             may or may not pull from here, because no image was pulled
  CRI-O, podman, skopeo  may or may not pull from here, because no image was pulled
  Docker                 may or may not pull from here, because no image was pulled
  BuildKit               may or may not pull from here, because no image was pulled

10 ok, 1 problem, 8 not looked at
`);
  expect(stderr).toBe(
    `looking at ${url}: /v2/, its health, and its list of images\nlooking at an image that does not exist, and a push\n`,
  );
});

test('--json has each check with its topic, and standard output has nothing else', async () => {
  const { code, stdout } = await doctor([url, '--json'], { cwd: empty });
  const printed: { checks: { topic: string; check: string; outcome: string }[]; problems: number } =
    JSON.parse(stdout);
  expect([code, printed.problems]).toEqual([3, 1]);
  expect(printed.checks.find(({ check }) => check === 'write')).toEqual({
    topic: 'access',
    check: 'write',
    outcome: 'ok',
    says: 'a push is refused with 405',
  });
});

test('an image that the edge does not have is a problem of that image, and texts of the edge move no cursor', async () => {
  const { code, stdout } = await doctor([url, '--image', 'docker.io/library/absent:1'], { cwd: empty });
  expect(code).toBe(3);
  expect(stdout).toContain('problem        HEAD /v2/docker.io/library/absent/manifests/1 got 404');
  expect(stdout).not.toContain('\u001B');
});

test('lifeboat.yaml that is not named and cannot be used does not stop the examination of a named edge', async () => {
  await write('lifeboat.yaml', 'store: { endpoint: "${NOT_SET}", bucket: b }\nimages: [a:1]\n');
  const { code, stdout } = await doctor([url]);
  expect(code).toBe(3);
  expect(stdout).toMatch(
    /bucket\n {2}not looked at {2}the bucket: lifeboat\.yaml cannot be used \(.*NOT_SET/,
  );
  await rm(join(folder, 'lifeboat.yaml'));
});

test('a bucket that cannot be reached is not looked at', async () => {
  const { stdout } = await doctor([url, '-c', 'no-edge.yaml']);
  expect(stdout).toMatch(
    /bucket\n {2}not looked at {2}the bucket "lifeboat" at http:\/\/127\.0\.0\.1:1: could not read/,
  );
});

test('the help names each option, variable and exit code', async () => {
  const { code, stdout } = await doctor(['--help']);
  expect(code).toBe(0);
  for (const text of [
    '--token-file',
    '--image',
    '--challenge',
    '--json',
    'EDGE_S3_ACCESS_KEY_ID',
    '  3  a check found',
  ]) {
    expect(stdout).toContain(text);
  }
});
