/**
 * The configuration of a job that runs as a Worker: its variable CONFIGURATION, or `state/_config/lifeboat.yaml` in the bucket.
 * A mirror must not stop at night because somebody saved a broken file, so the last one that could be used is kept beside it.
 */
import { isEqual } from '../../core/bytes.ts';
import { CONFIGURATION_KEY, folderPrefix, LAST_GOOD_CONFIGURATION_KEY } from '../../core/layout.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { readNotifyAlone } from '../configuration/notify-alone.ts';
import { parseConfiguration } from '../configuration/parse.ts';
import type { Environment as Variables } from '../configuration/variable.ts';
import { refuseForWorker } from '../configuration/worker-rules.ts';
import type { Store } from '../engine/store/store.ts';

export interface JobConfiguration {
  readonly configuration: Configuration;
  /** A sentence, if the configuration in the bucket cannot be used and an earlier one is used instead. */
  readonly warning: string | undefined;
  /** Keeps it as the last one that could be used. To be called when the bucket has accepted it. @throws {StoreError} */
  readonly keep: () => Promise<void>;
}

/** The configuration's name in messages, wherever it is. */
export const CONFIGURATION_FILE = 'lifeboat.yaml';

const NOTHING_TO_KEEP = async (): Promise<void> => {};

/**
 * The variables that the README's configuration has for its store. The store of a Worker is a binding, so no value is needed.
 */
const UNUSED_VARIABLES: Variables = {
  S3_ENDPOINT: 'https://unused.invalid',
  S3_ACCESS_KEY_ID: 'unused',
  S3_SECRET_ACCESS_KEY: 'unused',
};

/**
 * @param bindings the Worker's variables and secrets, which the file may name, and its other bindings
 * @throws {ConfigurationError} if neither the configuration nor an earlier one can be used. CONFIGURATION has no earlier one
 * @throws {StoreError}
 */
export async function readJobConfiguration(
  store: Pick<Store, 'name' | 'get' | 'put'>,
  bindings: object,
): Promise<JobConfiguration> {
  const variables = { ...UNUSED_VARIABLES, ...textsOf(bindings) };
  const { CONFIGURATION } = variables;
  if (CONFIGURATION !== undefined) {
    const configuration = parseJobConfiguration('CONFIGURATION', CONFIGURATION, variables);
    return { configuration, warning: undefined, keep: NOTHING_TO_KEEP };
  }
  const stored = await store.get(CONFIGURATION_KEY);
  const lastGood = await store.get(LAST_GOOD_CONFIGURATION_KEY);
  let failure: ConfigurationError;
  try {
    if (stored === undefined) throw missing(store.name, variables);
    const text = textOf(CONFIGURATION_KEY, stored.bytes);
    const configuration = parseJobConfiguration(CONFIGURATION_KEY, text, variables);
    const keep = async (): Promise<void> => {
      if (lastGood !== undefined && isEqual(lastGood.bytes, stored.bytes)) return;
      await store.put(LAST_GOOD_CONFIGURATION_KEY, stored.bytes, { contentType: 'application/yaml' });
    };
    return { configuration, warning: undefined, keep };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    failure = error;
  }
  if (lastGood === undefined) throw failure;
  try {
    const text = textOf(LAST_GOOD_CONFIGURATION_KEY, lastGood.bytes);
    return {
      configuration: parseJobConfiguration(LAST_GOOD_CONFIGURATION_KEY, text, variables),
      warning: `${failure.message}\nThis run uses the last configuration that could be used, ${LAST_GOOD_CONFIGURATION_KEY}.`,
      keep: NOTHING_TO_KEEP,
    };
  } catch (error) {
    // A secret that both of them need is missing, for one. The newer file is the one to mend.
    if (error instanceof ConfigurationError) throw failure;
    throw error;
  }
}

/**
 * Reads whom to tell that a run could not begin: from the configuration, or from the last one that could be used.
 * @param open opens the store, which may be what is wrong
 * @returns undefined if no address can be read
 */
export async function readNotified(
  open: () => Pick<Store, 'get'>,
  bindings: object,
): Promise<Configuration | undefined> {
  const variables = { ...UNUSED_VARIABLES, ...textsOf(bindings) };
  const { CONFIGURATION } = variables;
  if (CONFIGURATION !== undefined) return readNotifyAlone(CONFIGURATION, variables);
  const store = open();
  for (const key of [CONFIGURATION_KEY, LAST_GOOD_CONFIGURATION_KEY]) {
    const stored = await store.get(key);
    const found =
      stored === undefined ? undefined : readNotifyAlone(new TextDecoder().decode(stored.bytes), variables);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** @throws {ConfigurationError} for a configuration that cannot be used, or that needs a machine */
function parseJobConfiguration(file: string, text: string, variables: Variables): Configuration {
  const configuration = parseConfiguration(file, text, variables);
  refuseForWorker(file, configuration, { prefix: variables['S3_PREFIX'], bucket: undefined });
  return configuration;
}

function missing(store: string, variables: Variables): ConfigurationError {
  const key = `${folderPrefix(variables['S3_PREFIX'] ?? '')}${CONFIGURATION_KEY}`;
  const message = `${store} has no such object. Put your lifeboat.yaml there. For a bucket of R2: npx wrangler r2 object put --remote BUCKET/${key} --file lifeboat.yaml`;
  return new ConfigurationError(CONFIGURATION_KEY, [{ line: undefined, key: '', message }]);
}

function textsOf(bindings: object): Variables {
  return Object.fromEntries(
    Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** @throws {ConfigurationError} for bytes that are not UTF-8 */
function textOf(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    const message = 'it is not UTF-8 text. Save it as UTF-8.';
    throw new ConfigurationError(file, [{ line: undefined, key: '', message }]);
  }
}
