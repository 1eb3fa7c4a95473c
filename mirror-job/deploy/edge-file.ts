/** The edge's own file for wrangler: writes it, reads what it has, and says what of it does not fit the configuration. */
import { isObject } from '../../core/json.ts';
import type { Problem } from '../configuration/configuration-error.ts';
import type { Environment } from '../configuration/variable.ts';
import { parseToml } from '../configuration/worker-deployment.ts';
import { folderPrefix } from '../../core/layout.ts';
import { QUEUE, type Target } from './target.ts';
import { fillExample, headerFor, toml, uncommented, type Change } from './template.ts';
import { lineOf, listIn, queueIn } from './toml-part.ts';

export const EDGE_FILE = 'wrangler.deploy.toml';
export const EDGE_EXAMPLE = 'wrangler.deploy.example.toml';

/** The settings that the file gives to the Worker. */
export interface EdgeDeployment {
  readonly name: string;
  readonly accountId: string | undefined;
  readonly hosts: readonly string[];
  readonly variables: Environment;
  /** The bucket that is bound as BUCKET. */
  readonly boundBucket: string | undefined;
  /** The queue that gets the misses. */
  readonly queue: string | undefined;
}

/** @param endpoint the address of the bucket's S3 API, if the edge has a key for it; undefined for R2's binding */
export function writeEdgeFile(example: string, target: Target, endpoint: string | undefined): string {
  const { store, audience, name, url, hasOnDemand, parts } = target;
  const host = url === undefined ? '' : new URL(url).hostname;
  const bindingPart = `# [[r2_buckets]]\n# binding = "BUCKET"\n# bucket_name = "lifeboat"`;
  const queuePart = `# [[queues.producers]]\n# binding = "MISSES"\n# queue = "lifeboat-misses"`;
  const variables = [
    ...(endpoint === undefined
      ? []
      : [
          `S3_ENDPOINT = ${toml(endpoint)}`,
          `S3_BUCKET = ${toml(store.bucket)}`,
          `S3_REGION = ${toml(store.region)}`,
          ...(store.pathStyle ? [] : ['S3_PATH_STYLE = "false"']),
        ]),
    ...(store.prefix === '' ? [] : [`S3_PREFIX = ${toml(store.prefix)}`]),
    `AUDIENCE = ${toml(audience)} # equal to store.audience in lifeboat.yaml`,
    ...(name === 'default' ? [] : [`CATALOG = ${toml(name)}`]),
  ];
  const changes: readonly Change[] = [
    { pattern: /^routes = .*$/m, text: `routes = [{ pattern = ${toml(host)}, custom_domain = true }]` },
    { pattern: /^S3_ENDPOINT = .*\n(?:[A-Z0-9_]+ = .*\n)*/m, text: `${variables.join('\n')}\n` },
    ...(endpoint === undefined
      ? [
          {
            pattern: /^# docs\/edge\.md explains each variable\.(?:.*\n# .*)*$/m,
            text: '# docs/edge.md explains each variable.',
          },
          {
            pattern: /^# A bucket in R2 can be read without keys(?:.*\n# )+?(?=\[\[r2_buckets\]\])/m,
            text: '# The edge reads the bucket by this binding, and every blob streams through it. To send clients to presigned addresses\n# instead, delete this part, and set S3_ENDPOINT, S3_BUCKET, S3_REGION and the two keys: docs/edge.md\n# ',
          },
          {
            pattern: new RegExp(bindingPart.replaceAll(/[[\]]/g, String.raw`\$&`)),
            text: uncommented(bindingPart).replace('"lifeboat"', () => toml(store.bucket)),
          },
        ]
      : []),
    ...(hasOnDemand && parts.job
      ? [
          {
            pattern: new RegExp(queuePart.replaceAll(/[[\]]/g, String.raw`\$&`)),
            text: uncommented(queuePart).replace('lifeboat-misses', QUEUE),
          },
        ]
      : []),
  ];
  return fillExample(example, headerFor(EDGE_FILE, 'the edge'), changes);
}

/** @throws {ConfigurationError} for a text that is not TOML */
export function parseEdgeDeployment(file: string, text: string): EdgeDeployment {
  const content = parseToml(file, text);
  const { name, account_id: accountId, vars } = content;
  const variables = Object.entries(isObject(vars) ? vars : {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const routes = [content['route'], ...listIn(content, 'routes')].map((route) =>
    isObject(route) ? route['pattern'] : route,
  );
  const bound = listIn(content, 'r2_buckets').find((one) => isObject(one) && one['binding'] === 'BUCKET');
  const bucket = isObject(bound) ? bound['bucket_name'] : undefined;
  return {
    name: typeof name === 'string' ? name : 'lifeboat',
    accountId: typeof accountId === 'string' ? accountId : undefined,
    hosts: routes
      .filter((route) => typeof route === 'string')
      .map((route) => route.replace(/^https?:\/\//, '').replace(/\/.*$/, '')),
    variables: Object.fromEntries(variables),
    boundBucket: typeof bucket === 'string' ? bucket : undefined,
    queue: queueIn(content, 'producers'),
  };
}

/** @returns each value that is not as the configuration wants it, with the line to write */
export function edgeProblems(text: string, deployment: EdgeDeployment, target: Target): readonly Problem[] {
  const { hosts, variables, boundBucket, queue } = deployment;
  const { store, url, audience, name, hasOnDemand, parts, configurationFile: file } = target;
  const host = url === undefined ? undefined : new URL(url).hostname;
  const problems: Problem[] = [];
  const add = (key: string, line: number | undefined, message: string) =>
    problems.push({ line, key, message });
  if (host !== undefined && !hosts.includes(host)) {
    const route = `routes = [{ pattern = ${toml(host)}, custom_domain = true }]`;
    add(
      'routes',
      lineOf(text, 'routes'),
      `the edge is to be at ${host}, which is not among them. Write: ${route}`,
    );
  }
  const usesKey = (variables['S3_ENDPOINT'] ?? '') !== '';
  const bucket = usesKey ? variables['S3_BUCKET'] : boundBucket;
  const bucketKey = usesKey ? 'S3_BUCKET' : 'bucket_name';
  if (bucket !== store.bucket) {
    const now = bucket === undefined ? 'no bucket is named' : `it is "${bucket}"`;
    const wanted = `${file} has the bucket "${store.bucket}". Write: ${bucketKey} = ${toml(store.bucket)}`;
    add(bucketKey, lineOf(text, bucketKey), `${now}, and ${wanted}`);
  }
  const compare = (key: string, now: string, wanted: string, of: string, line = wanted) => {
    if (now === wanted) return;
    add(
      key,
      lineOf(text, key),
      `it is "${now}", and ${of} in ${file} is "${wanted}". Write: ${key} = ${toml(line)}`,
    );
  };
  compare('S3_PREFIX', folderPrefix(variables['S3_PREFIX'] ?? ''), store.prefix, 'store.prefix');
  compare('AUDIENCE', variables['AUDIENCE'] ?? 'public', audience, 'store.audience');
  const catalogs = (variables['CATALOG'] ?? 'default').split(',').map((one) => one.trim());
  if (!catalogs.includes(name))
    compare('CATALOG', catalogs.join(','), name, 'name', [...catalogs, name].join(','));
  if (hasOnDemand && parts.job && queue === undefined) {
    const lines = `[[queues.producers]] with binding = "MISSES" and queue = "${QUEUE}"`;
    add(
      'queues.producers',
      undefined,
      `${file} has onDemand, and the edge sends its misses to no queue. Write: ${lines}`,
    );
  }
  return problems;
}

/** @returns the names of the secrets that the edge needs: the keys of its stores, and its tokens */
export function edgeSecretsOf({ variables }: EdgeDeployment): readonly string[] {
  const keys = Object.keys(variables)
    .map((name) => /^(S3_(?:[2-9]_)?)ENDPOINT$/.exec(name)?.[1])
    .flatMap((start) => (start === undefined ? [] : [`${start}ACCESS_KEY_ID`, `${start}SECRET_ACCESS_KEY`]));
  return [...keys, ...(variables['AUDIENCE'] === 'token' ? ['TOKENS'] : [])].filter(
    (name) => (variables[name] ?? '') === '',
  );
}
