// Pulls the sample through the edge as a client would, and runs it. Plain JavaScript for the system's own Node,
// importing nothing of the project: what it checks must not check itself.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const base = `${process.argv[2]}/v2/samples.lifeboat/hello`;

async function pull(path, digest) {
  const response = await fetch(`${base}/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const expected = digest ?? response.headers.get('docker-content-digest');
  if (actual !== expected) throw new Error(`${path}: ${actual} came for ${expected}`);
  return bytes;
}

const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch] ?? process.arch;
const index = JSON.parse(await pull('manifests/latest'));
const child = index.manifests.find(({ platform }) => platform.architecture === architecture);
const manifest = JSON.parse(await pull(`manifests/${child.digest}`, child.digest));
const blobs = await Promise.all(
  [manifest.config, ...manifest.layers].map(({ digest }) => pull(`blobs/${digest}`, digest)),
);

const folder = mkdtempSync(join(tmpdir(), 'lifeboat-pull-'));
try {
  writeFileSync(join(folder, 'layer.tar'), gunzipSync(blobs[1]));
  execFileSync('tar', ['-xf', 'layer.tar'], { cwd: folder });
  const said = execFileSync(join(folder, 'hello'), { encoding: 'utf8' });
  if (!said.includes('Lifeboat')) throw new Error(`the sample said ${said}`);
  process.stdout.write(`pulled ${index.manifests.length} platforms' index, ran ${architecture}: ${said}`);
} finally {
  rmSync(folder, { recursive: true });
}
