/**
 * The component workload-identity of infra/kubernetes: the job, as its image has it, changes the token of its pod into keys at AWS's token
 * service (STS), of which a server here plays the one call, and opens a real S3 server with them.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { buildImageTree } from '../support/dockerfile.ts';
import { close, listen } from '../support/http-server.ts';
import { buildExampleWith } from '../support/kubernetes/kustomize.ts';
import { NOBODYS } from '../support/nobody.ts';
import { writeLayout } from '../support/oci-layout.ts';
import { runProgram } from '../support/process.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

const ROLE = 'arn:aws:iam::111122223333:role/lifeboat-writer';
const ENV = z.array(z.object({ name: z.string(), value: z.string() }));

let store: S3Server;
let sts: Server;
let folder: string;
let asked: URLSearchParams[] = [];
/** In the answer of STS. The S3 server knows no session, so that it takes the keys without one alone. */
let session = '';
let variables: Record<string, string>;

beforeAll(async () => {
  store = await startS3Server();
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-identity-'));
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), '1');
  await writeLayout(app, join(folder, 'app'));
  const { endpoint, bucket, region } = store;
  const configuration = {
    store: { endpoint, bucket, region },
    images: [{ source: 'oci:./app', name: 'docker.io/library/app', tags: ['1'] }],
  };
  await writeFile(join(folder, 'lifeboat.yaml'), JSON.stringify(configuration));
  await writeFile(join(folder, 'token'), 'the token of the pod');
  sts = createServer((request, response) => void assumeRole(request, response));
  const address = `http://127.0.0.1:${await listen(sts)}`;
  variables = {
    ...NOBODYS,
    AWS_ROLE_ARN: ROLE,
    AWS_REGION: 'eu-central-1',
    AWS_ENDPOINT_URL_STS: address,
    ...(await variablesOfPod()),
  };
});
afterAll(async () => {
  await store?.stop();
  if (sts !== undefined) await close(sts);
  if (folder !== undefined) await rm(folder, { recursive: true });
});

/** Plays AssumeRoleWithWebIdentity. */
async function assumeRole(request: IncomingMessage, response: ServerResponse): Promise<void> {
  asked.push(new URLSearchParams(await text(request)));
  response.setHeader('content-type', 'text/xml').end(answer(store));
}

function answer({ accessKeyId, secretAccessKey }: S3Server): string {
  return `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
    <Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>
    ${session}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
    </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
}

/** @returns the variables that the component gives the pod, with a folder of this test where the token is mounted */
async function variablesOfPod(): Promise<Record<string, string>> {
  const objects = await buildExampleWith(['workload-identity']);
  const cronJob = JSON.stringify(
    objects.find(({ kind, metadata }) => kind === 'CronJob' && metadata.name === 'lifeboat'),
  );
  const [, env = '[]'] = /"env":(\[.*?\])/.exec(cronJob) ?? [];
  return Object.fromEntries(
    ENV.parse(JSON.parse(env)).map(({ name, value }) => [
      name,
      value.replace('/var/run/secrets/aws', folder),
    ]),
  );
}

test('the job mirrors with the keys that its pod’s token is changed into, and no other', async () => {
  const tree = join(folder, 'image');
  const [, ...program] = await buildImageTree(tree);
  const args = [...program, 'sync', '-c', join(folder, 'lifeboat.yaml')];
  const { code, stdout, stderr } = await runProgram(process.execPath, args, { cwd: folder, env: variables });
  expect([code, stdout, stderr]).toEqual([0, expect.stringContaining('1 created'), '']);
  expect(asked.map((one) => Object.fromEntries(one))).toEqual([
    expect.objectContaining({
      Action: 'AssumeRoleWithWebIdentity',
      RoleArn: ROLE,
      WebIdentityToken: 'the token of the pod',
    }),
  ]);
  // AWS gives keys with a session, whose token has to go with each request: the server sees it, and refuses it.
  session = '<SessionToken>a session</SessionToken>';
  const withSession = await runProgram(process.execPath, args, { cwd: folder, env: variables });
  expect(withSession).toMatchObject({ code: 2, stderr: expect.stringContaining('400 InvalidToken') });
  asked = [];
  const without = { ...variables, AWS_WEB_IDENTITY_TOKEN_FILE: '' };
  const refused = await runProgram(process.execPath, args, { cwd: folder, env: without });
  expect([refused.code, asked]).toEqual([2, []]);
});
