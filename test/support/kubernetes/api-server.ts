/** Starts a real Kubernetes API server over an etcd of its own. No node and no controller runs: objects are only stored. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { freePort, startProgram, waitFor, type Program } from '../process.ts';
import { requireProgram } from '../programs.ts';

const ADMIN_TOKEN = 'admin-token';
const TOKEN_REQUEST = z.object({ status: z.object({ token: z.string() }) });
const RESOURCES = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

export interface ApiServer {
  readonly url: string;
  /** A file with the admin's login. */
  readonly kubeconfig: string;
  /** Sends a request, as the admin unless a token is given. @throws for a status of 400 and more, with the server's message */
  request(method: string, path: string, body?: object, token?: string): Promise<Record<string, unknown>>;
  /**
   * Creates an object of any kind, as `kubectl create` does.
   * @param namespace for one that has none
   * @param query of the request, such as `dryRun=All`
   */
  create(object: KubernetesObject, namespace?: string, query?: string): Promise<Record<string, unknown>>;
  /** Writes a kubeconfig with a token of the service account, as a pod has it. @returns the file */
  kubeconfigOf(namespace: string, serviceAccount: string): Promise<string>;
  stop(): Promise<void>;
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly object[];
  };
  readonly spec?: object;
}

/** @throws if a program is missing, or does not answer */
export async function startApiServer(): Promise<ApiServer> {
  const [etcd, apiServer] = await Promise.all([requireProgram('etcd'), requireProgram('kube-apiserver')]);
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-kubernetes-'));
  const programs: Program[] = [];
  const stop = async (): Promise<void> => {
    for (const program of programs.toReversed()) await program.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [client, peer, secure] = [await freePort(), await freePort(), await freePort()];
    const etcdUrl = `http://127.0.0.1:${client}`;
    programs.push(await startProgram(etcd, etcdArguments(folder, etcdUrl, `http://127.0.0.1:${peer}`)));
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(join(folder, 'accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await writeFile(join(folder, 'tokens.csv'), `${ADMIN_TOKEN},admin,admin,system:masters\n`);
    const url = `https://127.0.0.1:${secure}`;
    programs.push(await startProgram(apiServer, apiServerArguments(folder, etcdUrl, secure)));
    const [, program] = programs;
    const ask: Ask = (method, path, body, token = ADMIN_TOKEN) =>
      send(folder, url, { method, path, body, token });
    await waitFor('kube-apiserver', async () => isReady(ask), {
      ...(program && { program }),
      timeout: 120_000,
    });
    const kubeconfig = await writeKubeconfig(folder, 'admin', url, ADMIN_TOKEN);
    return {
      url,
      kubeconfig,
      request: ask,
      create: async (object, namespace, query = '') =>
        ask('POST', `${await collectionOf(ask, object, namespace)}?${query}`, object),
      kubeconfigOf: async (namespace, serviceAccount) => {
        const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
        const answer = await ask('POST', path, {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { expirationSeconds: 3600 },
        });
        return writeKubeconfig(folder, serviceAccount, url, TOKEN_REQUEST.parse(answer).status.token);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function etcdArguments(folder: string, url: string, peerUrl: string): string[] {
  return [
    '--data-dir',
    join(folder, 'etcd'),
    '--listen-client-urls',
    url,
    '--advertise-client-urls',
    url,
    '--listen-peer-urls',
    peerUrl,
    '--initial-advertise-peer-urls',
    peerUrl,
    '--initial-cluster',
    `default=${peerUrl}`,
    // Nothing has to survive the test.
    '--unsafe-no-fsync',
  ];
}

function apiServerArguments(folder: string, etcdUrl: string, port: number): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    `--cert-dir=${join(folder, 'certificates')}`,
    `--service-account-key-file=${join(folder, 'accounts.key')}`,
    `--service-account-signing-key-file=${join(folder, 'accounts.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    // No controller makes the tokens that this plugin waits for.
    '--disable-admission-plugins=ServiceAccount',
  ];
}

/** The API server makes its own certificate, which its file names as a root. */
async function writeKubeconfig(folder: string, user: string, server: string, token: string): Promise<string> {
  const authority = join(folder, 'certificates/apiserver.crt');
  const file = join(folder, `${user}.kubeconfig`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': authority } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user } }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

type Ask = ApiServer['request'];

async function isReady(ask: Ask): Promise<boolean> {
  try {
    await ask('GET', '/api/v1/namespaces/default');
    return true;
  } catch {
    return false;
  }
}

/** @returns the path of the list that an object belongs to, as the server's discovery has it */
async function collectionOf(
  ask: Ask,
  { apiVersion, kind, metadata }: KubernetesObject,
  namespace = 'default',
) {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = RESOURCES.parse(await ask('GET', base));
  const found = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
  if (found === undefined) throw new Error(`The API server has no ${apiVersion} ${kind}.`);
  return found.namespaced
    ? `${base}/namespaces/${metadata.namespace ?? namespace}/${found.name}`
    : `${base}/${found.name}`;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: object | undefined;
  readonly token: string;
}

async function send(folder: string, url: string, { method, path, body, token }: Sent) {
  const ca = await readFile(join(folder, 'certificates/apiserver.crt'));
  const text = body === undefined ? '' : JSON.stringify(body);
  return new Promise<Record<string, unknown>>((resolve, reject) => {
    const outgoing = request(
      `${url}${path}`,
      {
        method,
        ca,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      },
      (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          answer += chunk;
        });
        response.on('end', () => {
          const json: Record<string, unknown> = answer.startsWith('{') ? JSON.parse(answer) : { answer };
          if ((response.statusCode ?? 0) < 400) resolve(json);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${String(json['message'])}`));
        });
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}
