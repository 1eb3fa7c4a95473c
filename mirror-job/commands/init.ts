/** `lifeboat init` writes a first lifeboat.yaml, and tries the bucket. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { tryStore } from '../assembly/stores.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { findVariables, unsetOf, withPlaceholders } from '../configuration/named-variables.ts';
import { parseConfiguration } from '../configuration/parse.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { collectAnswers } from '../init/collect.ts';
import { composeConfiguration } from '../init/compose.ts';
import { wordsOf, type Answers } from '../init/fields.ts';
import { createStoreAgents } from '../runtime/node/agents.ts';
import { errorCode } from '../runtime/node/error-code.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import { DEFAULT_CONFIGURATION, quote } from '../terminal/command-line.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { NoAnswerError, openPrompt } from '../terminal/prompt.ts';
import { printResult } from '../terminal/result.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { describeUnwritable, refuseUnnamed, refuseUnwritable, writeNewOutput } from './output/output-file.ts';

const OPTIONS = {
  output: { type: 'string', short: 'o', default: DEFAULT_CONFIGURATION, takes: 'file' },
  endpoint: { type: 'string' },
  bucket: { type: 'string' },
  region: { type: 'string' },
  cluster: { type: 'string', multiple: true },
  upstream: { type: 'string', multiple: true },
  audience: { type: 'string', takes: ['public', 'token'] },
  platform: { type: 'string', multiple: true },
  edge: { type: 'string' },
} as const;

export const init: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat init [IMAGE...] [-o lifeboat.yaml] [--endpoint URL] [--bucket NAME]
                     [--region REGION] [--cluster NAME]... [--upstream HOST]...
                     [--audience public|token] [--platform PLATFORM]... [--edge URL]

Asks five questions on a terminal, writes a first lifeboat.yaml with comments, and tries the bucket:
whether it answers, whether it is empty or Lifeboat's, and whether it honours conditional writes.
What an option or IMAGE says is not asked; without a terminal, all that is needed has to be given.
A file that exists is never replaced. The keys of the bucket are not asked, because the file reads
them from S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY. Without them, the bucket is not tried.

The trial writes one object, the state/default/probe by which each run probes the store. Only the
first run makes an empty bucket Lifeboat's.

IMAGE is mirrored: a reference with a tag or a digest, as in docker.io/library/nginx:1.27.

Options:
  -o, --output FILE        where to write (default: lifeboat.yaml)
      --endpoint URL       the S3 address of the store; left out for AWS, which needs --region
      --bucket NAME        the bucket, which has to exist
      --region REGION      its region (default: auto, with --endpoint)
      --cluster NAME       mirror what this cluster runs; may be repeated. docs/clusters.md
      --upstream HOST      with --cluster: a registry whose images it may mirror; may be repeated
      --audience AUDIENCE  who may read all of the bucket: public or token
      --platform PLATFORM  store only this platform, such as linux/amd64; may be repeated
      --edge URL           the address at which clients reach the edge
  -h, --help               this help

Environment:
  S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY  the key of the bucket, to try it. For AWS, the SDK's own
                           credential chain is used instead
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  the proxies for the store

Exit code:
  0  the file is written, and the bucket can be used or was not tried
  1  the file is written, and the bucket cannot be used yet; the message says why
  2  the command line or an answer is wrong, an answer is missing, or the file exists: nothing was
     written

Examples:
  npx lifeboat init
  npx lifeboat init docker.io/library/nginx:1.27 --endpoint https://s3.example.com \\
    --bucket mirror --audience public
  npx lifeboat init --bucket mirror --region eu-central-1 --cluster prod --upstream docker.io \\
    --audience token --platform linux/amd64 -o prod.yaml
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('init', args, OPTIONS);
    const { output, endpoint, bucket, region, audience, edge } = values;
    await refuseOutput(output, session.cwd);
    const given = {
      endpoint,
      bucket,
      region,
      images: positionals.length === 0 ? undefined : positionals.join(' '),
      clusters: values.cluster?.join(' '),
      upstreams: values.upstream?.join(' '),
      audience,
      platforms: values.platform?.join(' '),
      edge,
    };
    return runInit(output, defined(given), session);
  },
};

function defined(given: { readonly [Name in keyof Answers]: string | undefined }): Partial<Answers> {
  return Object.fromEntries(Object.entries(given).filter(([, answer]) => answer !== undefined));
}

/** @returns the exit code */
async function runInit(output: string, given: Partial<Answers>, session: Session): Promise<number> {
  const answers = await answersFor(given, session);
  const text = composeConfiguration(answers);
  const variables = findVariables(text);
  const reading = { needsImages: true, cwd: session.cwd };
  const parse = (env: NodeJS.ProcessEnv) => parseConfiguration(output, text, env, reading);
  // Refused before it is written, if the answers do not go together.
  parse({ ...withPlaceholders(variables, session.env) });
  await write(output, text, session.cwd);
  printResult(`written ${output}`, String, session);
  const unset = unsetOf(variables, session.env).map(({ name }) => name);
  const then = nextCommands(output, answers, session);
  if (unset.length > 0) {
    printResult(
      `The bucket was not tried, because ${unset.join(' and ')} ${unset.length > 1 ? 'are' : 'is'} not set.`,
      String,
      session,
    );
    printResult(
      `Next: set ${unset.length > 1 ? 'them' : 'it'}, and see what a run would do: ${then}`,
      String,
      session,
    );
    return 0;
  }
  try {
    const agents = createStoreAgents(readProxies(session.env));
    const { signal } = new AbortController();
    const { name, isOurs } = await tryStore(output, parse(session.env), { agents, signal });
    const state = isOurs ? 'is Lifeboat’s already' : 'is empty';
    printResult(`${name} answers, ${state}, and honours conditional writes.`, String, session);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const line of error.message.split('\n')) new Progress(session).fail(line);
    printResult(`Next: mend that, and see what a run would do: ${then}`, String, session);
    return 1;
  }
  printResult(`Next: see what a run would do: ${then}`, String, session);
  return 0;
}

/** A person is asked only on a terminal. @throws {UsageError} */
async function answersFor(given: Partial<Answers>, session: Session): Promise<Answers> {
  const { stderr } = session;
  const prompt = openPrompt(session);
  const say = (line: string) => stderr.write(`${line}\n`);
  try {
    return await collectAnswers(
      given,
      prompt === undefined ? undefined : { ask: (question) => prompt.ask(question), say },
      seeHelp('init'),
    );
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    // The message stands on a line of its own.
    stderr.write('\n');
    throw new UsageError('there was no answer, so nothing was written.', { cause: error });
  }
}

/** Refuses the file before a question is asked. @throws {UsageError} */
async function refuseOutput(output: string, cwd: string): Promise<void> {
  refuseUnnamed('--output', output);
  const found = await access(resolve(cwd, output)).then(
    () => true,
    () => false,
  );
  if (found) throw exists(output);
  await refuseUnwritable('--output', output, cwd);
}

function exists(output: string, cause?: unknown): UsageError {
  return new UsageError(
    `${output}: it exists already, and is not replaced. Name another file with -o FILE.`,
    {
      cause,
    },
  );
}

/** @throws {UsageError} */
async function write(output: string, text: string, cwd: string): Promise<void> {
  try {
    await writeNewOutput(resolve(cwd, output), text);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw exists(output, error);
    throw new UsageError(`--output ${output}: ${describeUnwritable(error)}`, { cause: error });
  }
}

/** @returns the commands that come next, as they can be pasted */
function nextCommands(output: string, { clusters }: Answers, { commandLine }: Session): string {
  const named = output === DEFAULT_CONFIGURATION ? '' : ` -c ${quote(output)}`;
  const [cluster] = wordsOf(clusters);
  const commands = [
    ...(cluster === undefined ? [] : [`images${named} --cluster ${cluster} --publish`]),
    `plan${named}`,
    `sync${named}`,
  ];
  return commands.map((words) => commandLine.for(words)).join(', then ');
}
