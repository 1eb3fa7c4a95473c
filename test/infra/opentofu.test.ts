/** infra/opentofu: which keys may do what, and that nothing there shows the bucket to everybody or lets objects expire. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { codeBlocksOf } from '../support/code-block.ts';

const FOLDER = join(import.meta.dirname, '../../infra/opentofu');
const POLICY = z.object({
  Statement: z.array(z.object({ Action: z.union([z.string(), z.array(z.string())]) })),
});

async function policyText(name: string): Promise<string> {
  return readFile(join(FOLDER, `aws-s3/policies/${name}.json`), 'utf8');
}

async function actionsOf(name: string): Promise<readonly string[]> {
  const { Statement: statements } = POLICY.parse(JSON.parse(await policyText(name)));
  return statements.flatMap(({ Action: actions }) => actions).toSorted();
}

/** @returns the text of all modules, without comments */
async function configuration(): Promise<string> {
  const files = (await readdir(FOLDER, { recursive: true })).filter((name) => name.endsWith('.tf'));
  expect(files.length).toBeGreaterThan(5);
  const texts = await Promise.all(files.map((name) => readFile(join(FOLDER, name), 'utf8')));
  return texts.join('\n').replaceAll(/^\s*#.*$/gm, '');
}

test('the reader can only get and list, and the writer cannot delete', async () => {
  expect(await actionsOf('reader')).toEqual(['s3:GetObject', 's3:ListBucket']);
  expect(await actionsOf('writer')).toEqual([
    's3:AbortMultipartUpload',
    's3:GetObject',
    's3:ListBucket',
    's3:ListBucketMultipartUploads',
    's3:PutObject',
  ]);
});

test('the drill reads, and writes one object', async () => {
  const text = await policyText('drill');
  const blocks = await codeBlocksOf('docs/clusters.md');
  const documented = blocks.find((block) => block.includes('last-drill.json')) ?? '';
  const filled = text.replaceAll('${arn}', 'arn:aws:s3:::lifeboat').replaceAll('${mirror}', 'default');
  expect(JSON.parse(filled)).toEqual(JSON.parse(documented));
  expect(await actionsOf('drill')).toEqual(['s3:GetObject', 's3:ListBucket', 's3:PutObject']);
  expect(text.match(/"s3:PutObject", "Resource": "(.*)"/)?.[1]).toBe(
    '${arn}/state/${mirror}/last-drill.json',
  );
});

test('the policy of a cluster is that of docs/clusters.md', async () => {
  const documented =
    (await codeBlocksOf('docs/clusters.md')).find((block) => block.includes('s3:prefix')) ?? '';
  const text = (await policyText('cluster'))
    .replaceAll('${arn}', 'arn:aws:s3:::lifeboat')
    .replaceAll('${cluster}', 'prod');
  expect(JSON.parse(text)).toEqual(JSON.parse(documented));
});

test('no object expires, and no bucket can be destroyed by mistake', async () => {
  const text = await configuration();
  expect(text).not.toMatch(
    /delete_objects_transition|storage_class_transitions|\btransition\b|\bexpiration\b/,
  );
  expect(text.match(/abort_(?:incomplete_multipart_upload|multipart_uploads_transition)\b/g)).toHaveLength(2);
  expect(text.match(/prevent_destroy = true/g)).toHaveLength(2);
});

test('nobody reads a bucket without a key', async () => {
  const text = await configuration();
  expect(text).not.toMatch(/cloudflare_r2_(?:custom|managed)_domain|_acl"|bucket_website/);
  expect(text.match(/(?:block|ignore|restrict)_public_\w+ += true/g)).toHaveLength(4);
});

test('outputs with secrets are sensitive', async () => {
  const text = await configuration();
  const outputs = [...text.matchAll(/^output "\w+" \{\n.*?^\}/gms)].map(([output]) => output);
  const secret = outputs.filter((output) => /secret|\.keys/.test(output));
  expect(secret).toHaveLength(3);
  for (const output of secret) expect(output).toMatch(/^ +sensitive +?= true$/m);
});
