/** `lifeboat deploy` sets up the edge and the job as Workers at Cloudflare. Its steps are in `mirror-job/deploy/`. */
import { DurationInvalidError, parseDuration } from '../../core/duration.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { costOf } from '../deploy/cost.ts';
import { sizeOf } from '../deploy/mirror-size.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { describeCost, describePlan, shownPlan } from '../terminal/deploy-text.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { NoAnswerError, openPrompt } from '../terminal/prompt.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { runDeployment, type Outcome } from './deploy/deploy-run.ts';
import { readDeployment, type DeployInput } from './deploy/deploy-setup.ts';
import { describeStop, stopOnSignal } from './deploy/deploy-stop.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  domain: { type: 'string' },
  'edge-only': { type: 'boolean', default: false },
  'job-only': { type: 'boolean', default: false },
  secrets: { type: 'string', takes: 'file' },
  pulls: { type: 'string' },
  wait: { type: 'string', default: '5m' },
  yes: { type: 'boolean', short: 'y', default: false },
  'dry-run': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export const deploy: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat deploy [-c FILE] [--domain HOST] [--edge-only | --job-only] [--secrets FILE]
                       [--pulls N] [--wait DURATION] [--yes] [--dry-run] [--json]

Sets up a mirror at Cloudflare: the bucket in R2, the edge's Worker at HOST, and the job's Worker
with its cron trigger, its Workflows and, if the configuration has onDemand, its Queue. It looks at
what is there, shows what it would do, asks, and does only what is missing. Run it again whenever
something has changed, or after it was stopped: it goes on, and with nothing to do it does nothing.
Start it in a clone of Lifeboat, after "npm ci" and "npx wrangler login".

It writes wrangler.deploy.toml for the edge and mirror-job/wrangler.deploy.toml for the job, which
git ignores. They are yours to edit: an existing one is read and never overwritten, and a value that
does not fit the configuration is an error with the line to write. wrangler.toml stays as it is.

The edge reads the bucket by a binding, and blobs stream through it. With a key of its own it sends
clients to presigned addresses of R2 instead. wrangler cannot make such a key. Make one that may
read objects of this bucket at https://dash.cloudflare.com/?to=/:account/r2/api-tokens and type it
when you are asked, or put it into the file of --secrets before the first deployment:

  EDGE_S3_ACCESS_KEY_ID=…
  EDGE_S3_SECRET_ACCESS_KEY=…

Secrets that a Worker has already stay as they are; "npx wrangler secret put" replaces them.

Options:
  -c, --config FILE    the configuration (default: lifeboat.yaml)
      --domain HOST    the host name of the edge, in a zone of your account (default: that of
                       edge.url in the configuration, or of wrangler.deploy.toml)
      --edge-only      only the edge: the job runs on a machine, or is there already
      --job-only       only the job
      --secrets FILE   lines KEY=value: the variables that the configuration names (passwords of
                       upstreams), the edge's key, and TOKENS for audience: token. Without it you
                       are asked for each
      --pulls N        the pulls a month that the cost is worked out with (default: 60,000)
      --wait DURATION  how long to wait for the edge, as in 10m; 0 does not wait (default: 5m)
  -y, --yes            do not ask
      --dry-run        print every step and every file, offline, as if nothing were there but the
                       files of this folder; change nothing
      --json           print the plan and the result as JSON
  -h, --help           this help

Environment:
  CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID  as for wrangler: for CI, and to choose an account
  the variables that the configuration reads with \${NAME}, where they are set
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  the proxies for the edge

Exit code:
  0  all is there, and the edge answers
  1  a step failed, it was stopped, the edge does not answer yet, or the doctor found a problem
  2  the command line, the configuration or a file is wrong, or nobody agreed; nothing was changed

Examples:
  npx lifeboat deploy --domain mirror.example.com --dry-run
  npx lifeboat deploy --domain mirror.example.com
  npx lifeboat deploy --secrets secrets.env --yes
  npx lifeboat deploy --edge-only --pulls 600000
`,
  async run(args, session) {
    const input = readInput(args, session);
    const progress = new Progress(session);
    using stop = stopOnSignal(session.signals);
    let changes = 'Nothing was changed.';
    try {
      const deployment = await readDeployment(input, session, stop.signal, (what) => progress.info(what));
      const { plan, prepared, configuration, storedGb } = deployment;
      const size = sizeOf(configuration, {
        pullsPerMonth: input.pullsPerMonth,
        storedGb,
        crons: prepared.crons,
        hasQueue: prepared.queue !== undefined,
        streamsBlobs: prepared.streamsBlobs,
      });
      const cost = costOf(size);
      const shown = shownPlan(plan);
      if (!input.json) printResult(shown, (one) => `${describePlan(one, input.isDryRun)}\n`, session);
      const beginsRun = plan.steps.some(({ verb }) => verb === 'begin');
      let outcome: Outcome = { code: 0, next: deployment.next({ beginsRun, hasDoctorLooked: false }) };
      if (!input.isDryRun) {
        outcome = await runDeployment(deployment, input, session, {
          signal: stop.signal,
          progress,
          onBegin: () => (changes = 'What is done stays. The same command goes on from here.'),
        });
      }
      const { assumptions } = size;
      const { code, ...rest } = outcome;
      if (input.json) {
        printJson(
          {
            dryRun: input.isDryRun,
            url: deployment.target.url,
            ...shown,
            ...rest,
            cost: { ...cost, assumptions },
          },
          session,
        );
        return code;
      }
      const lines = rest.next.map((line) => `  ${line}`);
      printResult({ cost, assumptions }, (one) => describeCost(one.cost, one.assumptions), session);
      printResult({ lines }, (one) => ['', 'Next:', ...one.lines].join('\n'), session);
      return code;
    } catch (error) {
      const said = describeStop(error, input.secretValues());
      if (said === undefined) throw error;
      for (const line of said) progress.fail(line);
      progress.info(changes);
      return error instanceof NoAnswerError ? 2 : 1;
    }
  },
};

/** @throws {UsageError} */
function readInput(args: readonly string[], session: Session): DeployInput {
  const { values, positionals } = parseOptions('deploy', args, OPTIONS);
  const [extra] = positionals;
  if (extra !== undefined) {
    throw new UsageError(`name the configuration with -c: "${extra}" stands alone. ${seeHelp('deploy')}`);
  }
  if (values['edge-only'] && values['job-only']) {
    throw new UsageError('--edge-only and --job-only exclude each other: leave both out for edge and job.');
  }
  const prompt = values['dry-run'] || values.yes ? undefined : openPrompt(session);
  if (prompt === undefined && !values['dry-run'] && !values.yes) {
    throw new UsageError(
      'nobody can be asked, because standard input is no terminal. Look at the steps with --dry-run, then add --yes.',
    );
  }
  const typed = new Set<string>();
  return {
    configurationFile: values.config,
    domain: values.domain,
    parts: { edge: !values['job-only'], job: !values['edge-only'] },
    secretsFile: values.secrets,
    pullsPerMonth: values.pulls === undefined ? undefined : parsePulls(values.pulls),
    waitMs: parseWait(values.wait),
    isDryRun: values['dry-run'],
    json: values.json,
    prompt,
    keepSecret: (value) => typed.add(value),
    secretValues: () => typed,
  };
}

function parsePulls(text: string): number {
  if (!/^\d{1,12}$/.test(text))
    throw new UsageError(`--pulls ${text}: write a number of pulls a month, as in 60000.`);
  return Number(text);
}

function parseWait(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof DurationInvalidError)) throw error;
    throw new UsageError(`--wait ${text}: it ${error.message}`, { cause: error });
  }
}
