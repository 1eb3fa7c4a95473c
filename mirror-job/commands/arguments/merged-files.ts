/** Reads the files of `--merge`: OpenShift's objects, and the lifeboat.yaml of other teams. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { edgeHostOf } from '../../../cluster/clients/address.ts';
import type { NamedEdge } from '../../../cluster/clients/edge-mirrors.ts';
import type { ClientSetup } from '../../../cluster/clients/setup.ts';
import { MirrorSetInvalidError } from '../../../cluster/merging/invalid-error.ts';
import { mirrorProblem } from '../../../cluster/merging/location.ts';
import { parseMirrorSets } from '../../../cluster/merging/mirror-set-file.ts';
import type { MirrorSet } from '../../../cluster/merging/mirror-set.ts';
import { readYamlFile } from '../../../cluster/merging/yaml-file.ts';
import { isObject } from '../../../core/json.ts';
import { ConfigurationError } from '../../configuration/configuration-error.ts';
import { parseWithoutSecrets } from '../../configuration/without-secrets.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { describeUnreadable } from '../../runtime/node/error-code.ts';
import type { Session } from '../../terminal/io.ts';
import { upstreamsIn } from './client-setup.ts';

export interface MergedFiles {
  readonly sets: readonly MirrorSet[];
  /** The edges of the configurations. */
  readonly edges: readonly NamedEdge[];
}

const STANDARD_INPUT = '-';

/** Keys that tell a configuration from an object of OpenShift that lacks its kind. */
const CONFIGURATION_KEYS = ['store', 'stores', 'images', 'onDemand', 'upstreams', 'edge'];

/**
 * @param how the edges of configurations are asked, which their files do not say
 * @throws {UsageError} with every problem of every file
 */
export async function readMergedFiles(
  files: readonly string[],
  how: Pick<ClientSetup, 'order' | 'tags'>,
  session: Session,
): Promise<MergedFiles> {
  if (files.filter((file) => file === STANDARD_INPUT).length > 1) {
    throw new UsageError('--merge -: standard input can be read once. Leave one of the two out.');
  }
  const sets: MirrorSet[] = [];
  const edges: NamedEdge[] = [];
  const lines: string[] = [];
  for (const file of new Set(files)) {
    const text = await readText(file, session);
    const name = file === STANDARD_INPUT ? 'standard input' : file;
    try {
      if (isConfiguration(name, text)) edges.push(edgeIn(name, text, how, session));
      else sets.push(...parseMirrorSets(name, text));
    } catch (error) {
      if (!(error instanceof MirrorSetInvalidError) && !(error instanceof ConfigurationError)) throw error;
      lines.push(...error.message.split('\n'));
    }
  }
  if (lines.length > 0) throw new UsageError('the files of --merge cannot be used.', { lines });
  return { sets, edges };
}

/** @throws {UsageError} */
async function readText(file: string, { cwd, stdin }: Session): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = file === STANDARD_INPUT ? await readAll(stdin()) : await readFile(resolve(cwd, file));
  } catch (error) {
    throw new UsageError(
      `--merge ${file}: ${describeUnreadable(error)}. "oc get idms,itms -o yaml > FILE" saves the sets of a cluster.`,
      { cause: error },
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UsageError(`--merge ${file}: it is not UTF-8 text. Save it as UTF-8.`, { cause: error });
  }
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** @throws {MirrorSetInvalidError} for a text that is not YAML */
function isConfiguration(name: string, text: string): boolean {
  return readYamlFile(name, text).some(
    ({ json }) =>
      isObject(json) &&
      json['kind'] === undefined &&
      json['apiVersion'] === undefined &&
      CONFIGURATION_KEYS.some((key) => Object.hasOwn(json, key)),
  );
}

/** @throws {ConfigurationError} */
function edgeIn(
  file: string,
  text: string,
  { order, tags }: Pick<ClientSetup, 'order' | 'tags'>,
  { cwd, env }: Session,
): NamedEdge {
  const configuration = parseWithoutSecrets(file, text, env, { needsImages: false, cwd });
  const problem = (key: string, message: string) =>
    new ConfigurationError(file, [{ line: undefined, key, message }]);
  const { name, edge } = configuration;
  if (edge === undefined) {
    throw problem(
      'edge',
      'it is missing, so nobody knows which mirror this is. Write edge: { url: https://… }.',
    );
  }
  const upstreams = upstreamsIn(configuration);
  if (upstreams.length === 0) {
    throw problem(
      'images',
      'there is none, so no registry has this mirror. Leave the file out, or list one.',
    );
  }
  const setup: ClientSetup = {
    edge: edge.url,
    upstreams,
    order,
    tags,
    // No file of mirror sets has a token. That there is one is all that is said of it.
    token: edge.tokenFile === undefined ? undefined : '(not read)',
    peers: [],
  };
  const host = mirrorProblem(edgeHostOf(setup));
  if (host !== undefined) throw problem('edge.url', host);
  return { name, file, setup, isPreferred: false };
}
