/** One image of Docker Hub that the job has mirrored, the edge that serves it, and the commands of `lifeboat clients` about it. */
import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { digestOfTag, emptyRepository, type Digest } from '../content.ts';
import { startCountingProxy, type CountingProxy } from '../counting-proxy.ts';
import { startEdge } from '../edge.ts';
import { runProgram, type Finished } from '../process.ts';
import { pushRepository } from '../push.ts';
import { startS3Server } from '../s3-server.ts';
import { sync } from '../sync.ts';
import { addUniqueImage } from '../unique-image.ts';
import { startDockerRegistry } from '../upstream.ts';

export const MAIN = resolve(import.meta.dirname, '../../../mirror-job/start.ts');

const REPOSITORY = 'library/app';
/** Another image, which is not one of Docker's own. */
const OTHER = 'team/app';
const TAG = 'tag';

export interface MirroredApp {
  readonly digest: Digest;
  readonly byTag: string;
  readonly byDigest: string;
  /** The same image under another path of Docker Hub. */
  readonly otherByTag: string;
  /** Stands before the edge. Its address is the edge's for all clients. */
  readonly edge: CountingProxy;
  /**
   * Whether the edge was asked for an image and had it. An address that the edge does not know is as good as no request, and
   * podman and Docker ask for `/v2/` before they ask for an image.
   */
  isAsked(): boolean;
  /** Runs `lifeboat clients` for docker.io and this edge. */
  lifeboat(...args: readonly string[]): Promise<Finished>;
  /**
   * @param root of the node's files
   * @returns what `--check` says of docker.io
   */
  check(root: string, runtime: RegExp, ...args: readonly string[]): Promise<Checked>;
  stop(): Promise<void>;
}

export interface Checked {
  readonly asked: 'first' | 'last' | 'no';
  readonly names: 'all' | 'tags' | 'digests' | 'none';
  readonly reasons: readonly string[];
}

/**
 * Returns an address of this machine that other machines use. Clients take 127.0.0.1 for a registry with plain HTTP by themselves.
 * @throws if there is none
 */
export function outerAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all);
  const found = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (found === undefined) throw new Error('This machine has only its loopback address. Give it a network.');
  return found.address;
}

/**
 * The registry that the references name is down in every sandbox.
 * @param host the address at which the edge is reached
 */
export async function startMirroredApp(host = '127.0.0.1'): Promise<MirroredApp> {
  const images = emptyRepository();
  const [upstream, store] = await Promise.all([startDockerRegistry(), startS3Server()]);
  await addUniqueImage(images, TAG);
  await pushRepository(REPOSITORY, images, { url: upstream.url });
  const source = `${upstream.host}/${REPOSITORY}`;
  const { code, stderr } = await sync(store, {
    upstreams: { [upstream.host]: { insecure: true } },
    images: [
      { source, name: `docker.io/${REPOSITORY}`, tags: ['*'] },
      { source, name: `docker.io/${OTHER}`, tags: ['*'] },
    ],
  });
  if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
  const edge = await startEdge(store);
  const proxy = await startCountingProxy({ target: edge.url, host });
  const digest = digestOfTag(images, TAG);
  const lifeboat = async (...args: readonly string[]) =>
    runProgram(process.execPath, [MAIN, 'clients', '--edge', proxy.url, '--upstream', 'docker.io', ...args]);
  return {
    digest,
    byTag: `docker.io/${REPOSITORY}:${TAG}`,
    byDigest: `docker.io/${REPOSITORY}@${digest}`,
    otherByTag: `docker.io/${OTHER}:${TAG}`,
    edge: proxy,
    isAsked: () =>
      proxy.requests.some(({ status, path }) => path !== '/v2/' && (status === 200 || status === 307)),
    lifeboat,
    check: async (root, runtime, ...args) => {
      const { stdout, stderr: said } = await lifeboat('--check', '--root', root, '--json', ...args);
      const { verdicts = [] }: { readonly verdicts?: readonly (Checked & { readonly runtime: string })[] } =
        JSON.parse(stdout || '{}');
      const found = verdicts.find((verdict) => runtime.test(verdict.runtime));
      if (found === undefined) {
        throw new Error(`The check says nothing of ${runtime.source}: ${stdout}${said}`);
      }
      return found;
    },
    stop: async () => {
      await proxy.stop();
      await edge.stop();
      await Promise.all([upstream.stop(), store.stop()]);
    },
  };
}
