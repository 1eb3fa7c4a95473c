/** Finds the files that `docker login` and `podman login` have written. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import type { Environment } from '../configuration/variable.ts';
import { DockerConfig } from './docker-config.ts';

/** Returns a function that reads the files when they are first needed, and only once. See `readDockerConfigs`. */
export function dockerConfigReader(environment: Environment): () => Promise<readonly DockerConfig[]> {
  let configs: Promise<readonly DockerConfig[]> | undefined;
  return () => (configs ??= readDockerConfigs(environment));
}

/**
 * Reads the files that exist, in the order of their precedence: podman's, then docker's. DOCKER_CONFIG overrides both.
 * @throws {ConfigurationError} for a file that cannot be read, and for a missing file that REGISTRY_AUTH_FILE names
 */
export async function readDockerConfigs(environment: Environment): Promise<readonly DockerConfig[]> {
  const named = environment['REGISTRY_AUTH_FILE'] ?? '';
  const files = named === '' ? filesOf(environment) : [named];
  const configs = await Promise.all(
    files.map(async (file) => {
      const source = await read(file, named !== '');
      return source === undefined ? [] : [new DockerConfig(file, source)];
    }),
  );
  return configs.flat();
}

function filesOf(environment: Environment): string[] {
  const folder = environment['DOCKER_CONFIG'] ?? '';
  if (folder !== '') return [join(folder, 'config.json')];
  const { XDG_RUNTIME_DIR: runtime = '', XDG_CONFIG_HOME: configured = '', HOME: home = '' } = environment;
  const config = configured === '' && home !== '' ? join(home, '.config') : configured;
  return [
    ...(runtime === '' ? [] : [join(runtime, 'containers/auth.json')]),
    ...(config === '' ? [] : [join(config, 'containers/auth.json')]),
    ...(home === '' ? [] : [join(home, '.docker/config.json')]),
  ];
}

async function read(file: string, mustExist: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
    if (isAbsent && !mustExist) return undefined;
    const message = mustExist
      ? `it cannot be read (${code}). REGISTRY_AUTH_FILE names it; correct that, or unset it.`
      : `it cannot be read (${code}). Let this user read it, or set DOCKER_CONFIG to another folder.`;
    throw new ConfigurationError(file, [{ line: undefined, key: '', message }]);
  }
}
