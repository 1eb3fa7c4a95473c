/** Reads wrangler's file for a job in a Worker, and says what of it does not fit the configuration. */
import { isObject } from '../../core/json.ts';
import { parse, TomlError } from 'smol-toml';
import { ConfigurationError, type Problem } from './configuration-error.ts';
import { findVariables } from './named-variables.ts';
import type { Environment } from './variable.ts';
import type { WorkerStore } from './worker-rules.ts';

/** The variables and bindings that the file gives to the Worker. */
export interface WorkerDeployment extends WorkerStore {
  /** The texts of `vars`. */
  readonly variables: Environment;
  /** Whether a bucket of R2 is bound as BUCKET. Otherwise the Worker reaches its store by variables. */
  readonly hasBinding: boolean;
  /** Whether a queue sends the edge's misses to the Worker. */
  readonly hasQueue: boolean;
}

/** The bindings of the Workflows, as mirror-job/workflow/bindings.ts names them. */
const WORKFLOWS = ['RUN', 'UPSTREAM', 'BLOB', 'DEMAND'] as const;
/** The variables of a store that is not bound as BUCKET. */
const STORE_VARIABLES = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;
/** The variables that the README's `store` has, and that a Worker with a binding does not need. */
const UNUSED_WITH_BINDING: ReadonlySet<string> = new Set(STORE_VARIABLES);

/**
 * @param file the name for messages
 * @throws {ConfigurationError} for a text that is not TOML, and for Workflows that are not bound
 */
export function parseWorkerDeployment(file: string, text: string): WorkerDeployment {
  const toml = parseToml(file, text);
  const listed = (key: string): readonly Record<string, unknown>[] => {
    const value = toml[key];
    return Array.isArray(value) ? value.filter((item) => isObject(item)) : [];
  };
  const bound = new Set(listed('workflows').map(({ binding }) => binding));
  const problems = WORKFLOWS.filter((binding) => !bound.has(binding)).map((binding): Problem => {
    const message = `it has no [[workflows]] with the binding ${binding}. Copy that part of mirror-job/wrangler.deploy.example.toml.`;
    return { line: undefined, key: 'workflows', message };
  });
  if (problems.length > 0) throw new ConfigurationError(file, problems);
  const { queues, vars } = toml;
  const variables = Object.fromEntries(
    Object.entries(isObject(vars) ? vars : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
  const binding = listed('r2_buckets').find((bucket) => bucket['binding'] === 'BUCKET');
  const bucket = binding === undefined ? variables['S3_BUCKET'] : binding['bucket_name'];
  const consumers = isObject(queues) ? queues['consumers'] : undefined;
  return {
    variables,
    hasBinding: binding !== undefined,
    bucket: typeof bucket === 'string' ? bucket : undefined,
    prefix: variables['S3_PREFIX'],
    hasQueue: Array.isArray(consumers) && consumers.length > 0,
  };
}

/** @returns the names of the secrets that the Worker needs, in the order of the configuration */
export function secretsOf(text: string, { variables, hasBinding }: WorkerDeployment): readonly string[] {
  const named = findVariables(text).map(({ name }) => name);
  const needed = hasBinding
    ? named.filter((name) => !UNUSED_WITH_BINDING.has(name))
    : [...STORE_VARIABLES, ...named];
  return [...new Set(needed)].filter((name) => (variables[name] ?? '') === '');
}

/** @throws {ConfigurationError} */
export function parseToml(file: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n', 1);
    const message = `this is not valid TOML: ${reason}.`;
    throw new ConfigurationError(file, [{ line: error.line, key: '', message }]);
  }
}
