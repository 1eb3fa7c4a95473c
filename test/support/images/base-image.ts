/**
 * Makes base images out of this machine's programs and libraries, under the names and in the place of the real ones,
 * because tests reach no registry.
 */
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expectSuccess } from '../clients/run.ts';
import { runProgram } from '../process.ts';
import { requireProgram } from '../programs.ts';

/** The certificates of authorities, where Debian's packages and the real base images have them. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

export interface BaseImage {
  /** The name, with a tag and without a registry: `library/node:24-slim`. */
  readonly name: string;
  /** Programs of this machine by their paths in the image. Their libraries come with them. */
  readonly programs: Readonly<Record<string, string>>;
  /** Folders of this machine by their paths in the image. */
  readonly folders?: Readonly<Record<string, string>>;
  /** The targets of symbolic links by their paths. */
  readonly links?: Readonly<Record<string, string>>;
}

/**
 * Pushes a base image into a registry.
 * @param host a registry that speaks plain HTTP
 * @returns the digest
 */
export async function pushBaseImage(host: string, image: BaseImage): Promise<string> {
  const crane = await requireProgram('crane');
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-base-'));
  try {
    const root = join(folder, 'root');
    await copyInto(root, CERTIFICATES, CERTIFICATES);
    for (const [path, program] of Object.entries(image.programs)) {
      await copyInto(root, program, path);
      for (const library of await librariesOf(program)) await copyInto(root, library, library);
    }
    for (const [path, from] of Object.entries(image.folders ?? {})) await copyInto(root, from, path);
    for (const [path, target] of Object.entries(image.links ?? {})) {
      await mkdir(join(root, dirname(path)), { recursive: true });
      await symlink(target, join(root, path));
    }
    const layer = join(folder, 'layer.tar');
    await expectSuccess(runProgram('tar', ['--owner=0', '--group=0', '-cf', layer, '-C', root, '.']));
    const reference = `${host}/${image.name}`;
    const run = async (...args: readonly string[]) =>
      expectSuccess(runProgram(crane, ['--insecure', ...args], { timeout: 120_000 }));
    await run('append', '--new_layer', layer, '--new_tag', reference);
    // A machine whose registry of packages has a certificate of its own names it by this variable.
    const variables = [`NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, `SSL_CERT_FILE=${CERTIFICATES}`];
    const platform = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;
    const changes = ['--set-platform', platform, ...variables.flatMap((value) => ['--env', value])];
    await run('mutate', reference, ...changes, '--tag', reference);
    return (await run('digest', reference)).trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies what a link leads to, so that each path is a file or a folder of its own. */
async function copyInto(root: string, from: string, path: string): Promise<void> {
  await mkdir(join(root, dirname(path)), { recursive: true });
  await cp(from, join(root, path), { recursive: true, dereference: true });
}

/** @returns the paths of the libraries that a program loads; none for a program without any */
async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await runProgram('ldd', [program]);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
}
