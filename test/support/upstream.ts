/** Starts real registries to mirror from: Debian's docker-registry, and olareg, which has the referrers API. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startProgram, waitForHttp, type Program } from './process.ts';
import { requireProgram } from './programs.ts';
import type { Credentials } from './registry-auth.ts';
import { ISSUER, SERVICE, type TokenServer } from './token-server.ts';

export interface Upstream {
  /** The host and port, as `127.0.0.1:<port>`. */
  readonly host: string;
  readonly url: string;
  /** The process, so that a test can kill it. */
  readonly program: Program;
  /** Stops the registry and removes its content. */
  stop(): Promise<void>;
}

/** The only user of a registry that requires a password. */
export const UPSTREAM_USER: Credentials = { username: 'test-user', password: 'test-password' };

// This is the bcrypt hash of that password, because docker-registry accepts no other hash and Node has no bcrypt.
const HTPASSWD = '$2y$05$lifeboatlifeboatlifebOov0QHf7DVWCV30OE9duGfLrDjT2RZx6';

export interface RegistryAuth {
  /** Requires the password of `UPSTREAM_USER`. */
  readonly auth?: boolean;
  /** Requires tokens of this token server. */
  readonly tokens?: Pick<TokenServer, 'realm' | 'certificate'>;
}

/**
 * Starts CNCF distribution 2.8, which has no referrers API and no sha512 manifests.
 * @throws if the program is missing or does not start
 */
export async function startDockerRegistry(options: RegistryAuth = {}): Promise<Upstream> {
  return start('docker-registry', async (root, port) => {
    const htpasswd = join(root, 'htpasswd');
    await writeFile(htpasswd, `${UPSTREAM_USER.username}:${HTPASSWD}\n`);
    const certificate = join(root, 'certificate.pem');
    const { tokens } = options;
    if (tokens !== undefined) await writeFile(certificate, tokens.certificate);
    const config = {
      version: 0.1,
      log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(root, 'data') }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}` },
      ...(options.auth === true && { auth: { htpasswd: { realm: 'upstream', path: htpasswd } } }),
      ...(tokens !== undefined && {
        auth: {
          token: { realm: tokens.realm, service: SERVICE, issuer: ISSUER, rootcertbundle: certificate },
        },
      }),
    };
    // JSON is YAML.
    await writeFile(join(root, 'config.yml'), JSON.stringify(config));
    return ['serve', join(root, 'config.yml')];
  });
}

/**
 * Starts olareg, which has the referrers API and sha512. A pushed fallback tag replaces the API's list of that subject, and a later
 * push of a referrer removes the tag. So the list and the tag are never both complete.
 * @throws if the program is missing or does not start
 */
export async function startOlareg(): Promise<Upstream> {
  return start('olareg', async (root, port) => {
    const address = ['--addr', '127.0.0.1', '--port', String(port)];
    return ['serve', ...address, '--dir', root, '--api-delete', '--gc-frequency', '-1s'];
  });
}

async function start(
  name: 'docker-registry' | 'olareg',
  prepare: (root: string, port: number) => Promise<readonly string[]>,
): Promise<Upstream> {
  const path = await requireProgram(name);
  const root = await mkdtemp(join(tmpdir(), `lifeboat-${name}-`));
  const port = await freePort();
  const program = await startProgram(path, await prepare(root, port));
  const stop = async () => {
    await program.stop();
    await rm(root, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitForHttp(`${url}/v2/`, { program });
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: `127.0.0.1:${port}`, url, program, stop };
}
