/** Writes the configuration of skopeo and podman, which both pull with the library containers/image. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mode, PullRequest } from './client.ts';
import { atEdge, documentedBlock } from './documented.ts';
import type { Location } from './location.ts';
import type { Sandbox } from './sandbox.ts';

/** The mode `ns` is missing, because this library never says which upstream it means. */
export const CONTAINERS_IMAGE_MODES: readonly Mode[] = ['prefix', 'default', 'host', 'direct'];

/** The documentation puts drop-ins here, and these clients look for them here. */
export const REGISTRIES_FOLDER = '/etc/containers/registries.conf.d';

/**
 * @returns the path of the file for logins, which may be without any
 * @throws if the request has a token, because the library sends logins, and only as an answer to a challenge
 */
export async function writeContainersImageFiles(
  { directory }: Pick<Sandbox, 'directory'>,
  request: PullRequest,
  location: Location,
): Promise<string> {
  const dropIn = join(directory, REGISTRIES_FOLDER, '50-lifeboat.conf');
  const authFile = join(directory, 'auth.json');
  await writeFile(dropIn, await registriesConfOf(request, location));
  await writeFile(authFile, authFileOf(request, location));
  return authFile;
}

/**
 * Returns the documented configuration, with `insecure` for each address that speaks plain HTTP here.
 * https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
 */
async function registriesConfOf(request: PullRequest, location: Location): Promise<string> {
  const { mode, upstream } = request;
  if (mode === 'direct') return `[[registry]]\nlocation = "${location.edge}"\ninsecure = true\n`;
  const block = await documentedBlock(request.block ?? 'registries.conf');
  const named = block
    .replaceAll('"docker.io"', `"${location.upstream}"`)
    .replace(
      'lifeboat.example.com/docker.io',
      ['lifeboat.example.com', location.prefix].filter(Boolean).join('/'),
    )
    .replace(/(?<=^location = ").*(?="$)/m, upstream ?? location.upstream);
  return atEdge(named, location.edge).replaceAll(/^location = .*$/gm, '$&\ninsecure = true');
}

/**
 * Returns the file for logins. A login on the command line would go to the upstream alone, but one in this file goes to
 * the host that it names.
 * https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
 */
function authFileOf({ auth }: PullRequest, location: Location): string {
  if (auth === undefined) return JSON.stringify({ auths: {} });
  if ('bearer' in auth) throw new Error('skopeo and podman cannot be given a token, only a login.');
  const login = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return JSON.stringify({ auths: { [location.edge]: { auth: login } } });
}
