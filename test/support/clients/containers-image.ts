/** The configuration of skopeo and podman, which both pull with the library containers/image. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mode, PullRequest } from './client.ts';
import { UNREACHABLE, type Location } from './location.ts';

/** `ns` is missing: this library never says which upstream it means. */
export const CONTAINERS_IMAGE_MODES: readonly Mode[] = ['prefix', 'default', 'host', 'direct'];

export interface ContainersImageFiles {
  readonly registriesConf: string;
  readonly authFile: string;
}

/** @throws when the request has a token: the library sends logins, and those as an answer to a challenge */
export async function writeContainersImageFiles(
  directory: string,
  request: PullRequest,
  location: Location,
): Promise<ContainersImageFiles> {
  const registriesConf = join(directory, 'registries.conf');
  const authFile = join(directory, 'auth.json');
  await writeFile(registriesConf, registriesConfOf(request, location));
  await writeFile(authFile, authFileOf(request, location));
  return { registriesConf, authFile };
}

/** https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md */
function registriesConfOf({ mode, upstream }: PullRequest, location: Location): string {
  const lines =
    mode === 'direct'
      ? ['[[registry]]', `location = "${location.edge}"`, 'insecure = true']
      : [
          '[[registry]]',
          `prefix = "${location.upstream}"`,
          `location = "${upstream ?? UNREACHABLE}"`,
          'insecure = true',
          '[[registry.mirror]]',
          `location = "${[location.edge, location.prefix].filter(Boolean).join('/')}"`,
          'insecure = true',
        ];
  return ['unqualified-search-registries = []', ...lines, ''].join('\n');
}

/**
 * A login on the command line would go to the upstream alone; one in this file goes to the host that it names.
 * https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
 */
function authFileOf({ auth }: PullRequest, location: Location): string {
  if (auth === undefined) return JSON.stringify({ auths: {} });
  if ('bearer' in auth) throw new Error('skopeo and podman cannot be given a token, only a login.');
  const login = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return JSON.stringify({ auths: { [location.edge]: { auth: login } } });
}
