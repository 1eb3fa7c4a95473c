/** `lifeboat check` checks a configuration without network and without secrets. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatUpstream, type Upstream } from '../../core/reference.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { readConfigurationText } from '../configuration/load.ts';
import { findVariables, unsetOf, withPlaceholders } from '../configuration/named-variables.ts';
import { parseConfiguration } from '../configuration/parse.ts';
import { UsageError } from '../configuration/usage-error.ts';
import {
  parseWorkerDeployment,
  secretsOf,
  type WorkerDeployment,
} from '../configuration/worker-deployment.ts';
import { refuseForWorker } from '../configuration/worker-rules.ts';
import { readDockerConfigs } from '../credentials/docker-files.ts';
import { ecrRegistry } from '../credentials/ecr.ts';
import { describeUnreadable } from '../runtime/node/error-code.ts';
import { describeCheckedConfiguration, type CheckedConfiguration } from '../terminal/configuration-text.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { refuseUnnamed } from './output/output-file.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  worker: { type: 'string', takes: 'file' },
  json: { type: 'boolean', default: false },
} as const;

export const check: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat check [-c FILE] [--worker FILE] [--json]

Checks the configuration without asking anybody: it opens no connection, and reads no other file.
A variable that is not set gets a made-up value, so that the rest can be checked where no secret
is: in CI, or before a commit. For what a run would do, see "lifeboat plan --help".

With --worker, it also refuses what a job in a Worker cannot use, and says which secrets the Worker
needs. wrangler.deploy.example.toml runs it before each deployment, and a deployment of a
configuration that is refused ends there. docs/serverless.md

Options:
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --worker FILE  wrangler's file for the job: mirror-job/wrangler.deploy.toml
      --json         print the result as JSON
  -h, --help         this help

Environment:
  the variables that the configuration reads with \${NAME}, where they are set
  with --worker: DOCKER_CONFIG, REGISTRY_AUTH_FILE, as for sync. A login of this machine that a
                 Worker would lack is a warning

Exit code:
  0  the configuration is valid
  2  it is not, or the command line is wrong

Examples:
  npx lifeboat check
  npx lifeboat check -c team-a.yaml --json | jq -r '.variables[].name'
  npx lifeboat check --worker mirror-job/wrangler.deploy.toml
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('check', args, OPTIONS);
    const [extra] = positionals;
    if (extra !== undefined) {
      throw new UsageError(`name the configuration with -c: "${extra}" stands alone. ${seeHelp('check')}`);
    }
    const { config: file, worker, json } = values;
    const text = await readConfigurationText(file, session);
    if (worker !== undefined) refuseUnnamed('--worker', worker);
    const deployment = worker === undefined ? undefined : await readDeployment(worker, session.cwd);
    const variables = findVariables(text);
    const environment = { ...session.env, ...deployment?.variables };
    const unset = unsetOf(variables, environment);
    const progress = new Progress(session);
    const reading = { needsImages: true, cwd: session.cwd };
    let configuration: Configuration;
    try {
      configuration = parseConfiguration(file, text, withPlaceholders(variables, environment), reading);
      if (deployment !== undefined) refuseForWorker(file, configuration, deployment);
    } catch (error) {
      // One of the made-up values may be the reason.
      const names = unset.map(({ name }) => name).join(', ');
      if (names !== '') progress.warn(`a made-up value was used for what is not set here: ${names}.`);
      throw error;
    }
    if (deployment !== undefined) {
      for (const warning of await warningsFor(configuration, deployment, session.env)) progress.warn(warning);
    }
    const isUnset = new Set(unset);
    const checked: CheckedConfiguration = {
      file,
      images: configuration.images.length + configuration.inUse.length,
      onDemand: configuration.onDemand.length,
      stores: 1 + configuration.laterStores.length,
      variables: variables.map((variable) => ({
        name: variable.name,
        line: variable.line,
        key: variable.key,
        isSet: !isUnset.has(variable),
      })),
      worker:
        worker === undefined || deployment === undefined
          ? undefined
          : { file: worker, secrets: secretsOf(text, deployment) },
    };
    if (json) printJson(checked, session);
    else printResult(checked, describeCheckedConfiguration, session);
    return 0;
  },
};

/** @throws {UsageError} for a file that cannot be read, and {ConfigurationError} for its content */
async function readDeployment(file: string, cwd: string): Promise<WorkerDeployment> {
  const text = await readFile(resolve(cwd, file), 'utf8').catch((error: unknown) => {
    const next = 'Copy mirror-job/wrangler.deploy.example.toml to it; docs/serverless.md has the steps.';
    throw new UsageError(`--worker ${file}: ${describeUnreadable(error)}. ${next}`, {
      cause: error,
    });
  });
  return parseWorkerDeployment(file, text);
}

/** @throws {ConfigurationError} for a docker config.json that cannot be used */
async function warningsFor(
  { images, inUse, onDemand, upstreams }: Configuration,
  { hasQueue }: WorkerDeployment,
  environment: NodeJS.ProcessEnv,
): Promise<readonly string[]> {
  const warnings: string[] = [];
  if (onDemand.length > 0 && !hasQueue) {
    warnings.push(
      'onDemand has no effect, because the Worker consumes no queue: take the "#" away before [[queues.consumers]] in its file.',
    );
  }
  const dockerConfigs = await readDockerConfigs(environment);
  const asked = new Set<Upstream>([
    ...images.flatMap(({ source }) => (source.kind === 'registry' ? [source.upstream] : [])),
    ...onDemand.map(({ upstream }) => upstream),
    ...inUse.flatMap(({ upstreams: hosts }) => [...hosts]),
  ]);
  for (const upstream of asked) {
    if (upstreams.get(upstream)?.credentials !== undefined) continue;
    const host = formatUpstream(upstream);
    const login = dockerConfigs.find(
      (config) => config.helperFor(upstream) ?? config.credentialFor(upstream),
    );
    const from = login === undefined ? undefined : `this machine has a login for it in ${login.file}`;
    const account =
      ecrRegistry(upstream) === undefined ? from : 'AWS’s own credential chain would give a password';
    if (account === undefined) continue;
    warnings.push(
      `${host}: ${account}, and a Worker asks without one. Set upstreams["${host}"].credentials: to a login, or to [] if everybody may read the images.`,
    );
  }
  return warnings;
}
