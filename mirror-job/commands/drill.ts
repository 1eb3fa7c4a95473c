/** `lifeboat drill`: what would clusters lose if an upstream died now? */
import { exitCodeOfDrill } from '../../cluster/drill/drill.ts';
import { summaryOf } from '../../cluster/drill/summary.ts';
import { isClusterName } from '../../core/layout.ts';
import { formatUpstream, NameInvalidError, parseUpstream, type Upstream } from '../../core/reference.ts';
import { openForReading } from '../assembly/bucket-access.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { readDrillLists, type DrillLists } from '../drill/drill-lists.ts';
import type { EdgeAccess } from '../drill/edge-facts.ts';
import { runDrill } from '../drill/run-drill.ts';
import { StoreError, type Store } from '../engine/store/store.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { readEdgeToken } from './arguments/edge-token.ts';
import { parseEdgeArgument } from './arguments/edge-url.ts';
import { readListFile } from './arguments/list-file.ts';
import { parsePercentage } from './arguments/percentage.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { parsePushUrl } from './output/metrics-push.ts';
import { publishDrill, refuseOutputs, type DrillOutputs } from './drill/drill-output.ts';
import { publishSums } from './drill/drill-publish.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  cluster: { type: 'string', multiple: true },
  upstream: { type: 'string', multiple: true },
  'digests-only': { type: 'boolean', default: false },
  live: { type: 'boolean', default: false },
  edge: { type: 'string' },
  'token-file': { type: 'string', takes: 'file' },
  publish: { type: 'boolean', default: false },
  require: { type: 'string' },
  html: { type: 'string', takes: 'file' },
  metrics: { type: 'string', takes: 'file' },
  'metrics-push': { type: 'string' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const;

export const drill: Command = {
  options: OPTIONS,
  operands: 'file',
  help: `Usage: lifeboat drill [FILE] [-c FILE] [--cluster NAME]... [--upstream HOST]... [--digests-only]
                      [--live [--edge URL] [--token-file FILE]] [--require PERCENT] [--publish]
                      [--html FILE] [--metrics FILE] [--metrics-push URL] [--json] [-q]

Says what clusters would lose if an upstream died now: it compares what they run with what the
bucket has, image by image. It says which images would be lost and which workloads use them, which
would be pulled with another digest than runs, which are behind upstream as far as the bucket
knows, and what is not known. The sums are by upstream and by namespace, and each lost image has its
reason, from the job's last run and the configuration. It asks no upstream. Without --publish, it
writes nothing into the bucket.

What clusters run is in the in-use lists of the bucket. FILE is such a list as JSON, which is then
used instead; - is standard input. An image counts if its cluster used it within a day before it
was last looked at. A name that only a text has is left out.

With --live, it also pulls each image through the edge as containerd does: HEAD of the tag, GET of
the manifest by its digest and of the manifest for one platform, and a byte of the config and of
the largest layer. An image then counts only if the bucket has it and the edge gives it. The edge
counts what it lacks as missed, so a job that mirrors on demand brings it. If the edge does not
answer, or lets nobody in, the report is that of the bucket, and says so.

Options:
  -c, --config FILE      the configuration (default: lifeboat.yaml)
      --cluster NAME     only the list of this cluster; may be repeated (default: all lists)
      --upstream HOST    only images of this registry; may be repeated (default: all)
      --digests-only     judge as for an edge without tags, or nodes that ask for digests alone:
                         every name that has a tag alone is lost
      --live             also pull each image through the edge
      --edge URL         the edge (default: edge.url of the configuration)
      --token-file FILE  a file with a token of the edge (default: edge.tokenFile, if the edge is
                         that of the configuration)
      --require PERCENT  exit with 3 if fewer of the images would be pulled
      --publish          also write the sums into the bucket, for the edge's /status, /status.json
                         and /metrics; the store's key has to be one that may write the object
                         state/NAME/last-drill.json
      --html FILE        also write a page for people to FILE, without scripts
      --metrics FILE     also write metrics to FILE, for Prometheus' textfile collector
      --metrics-push URL also send metrics to the Pushgateway at URL, as job lifeboat_drill; if they
                         are not taken, that is a warning, and the exit code stays what it is
      --json             print everything as JSON
  -q, --quiet            no progress
  -h, --help             this help

Environment:
  the variables that the configuration reads with \${NAME}; NO_COLOR=1 for no colours
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  the proxies for the store and the edge
  NODE_EXTRA_CA_CERTS    a file with root certificates of your own

Exit code:
  0  everything was looked at, and the requirement is met
  1  something could not be looked at: a list, an object of the bucket, or the edge; or there was
     no image to require anything of; or FILE could not be written, or the sums not published
  2  the command line, the configuration or the store is wrong, or there is no list
  3  fewer than PERCENT of the images would be pulled, whatever could not be looked at

Examples:
  npx lifeboat drill --upstream docker.io
  npx lifeboat drill --cluster prod --live --require 100% --html drill.html
  npx lifeboat drill --require 95 --publish --quiet
  npx lifeboat images --cluster prod --json | npx lifeboat drill - --json
  npx lifeboat drill --json | jq -r '.images[] | select(.outcome == "missing") | .reference'
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('drill', args, OPTIONS);
    const { cluster: clusters = [], upstream: upstreams = [] } = values;
    const [file, ...others] = positionals;
    if (others.length > 0) {
      throw new UsageError(
        `name one list; a registry is named by --upstream and a cluster by --cluster. ${seeHelp('drill')}`,
      );
    }
    if (file !== undefined && clusters.length > 0) {
      throw new UsageError(
        `FILE is used instead of the lists of the bucket, which --cluster names: leave one of the two out. ${seeHelp('drill')}`,
      );
    }
    if (!values.live && (values.edge !== undefined || values['token-file'] !== undefined)) {
      throw new UsageError(`--edge and --token-file need --live, which asks the edge. ${seeHelp('drill')}`);
    }
    const options = {
      file,
      clusters: clusters.map(parseCluster),
      upstreams: new Set(upstreams.map(parseHost)),
      required: values.require === undefined ? undefined : parsePercentage('--require', values.require),
    };
    await refuseOutputs(values, session.cwd);
    const push = values['metrics-push'];
    const gateway = push === undefined ? undefined : parsePushUrl(push, 'drill');
    const configuration = await loadConfiguration(values.config, session.env, {
      needsImages: false,
      cwd: session.cwd,
    });
    const edge = values.live
      ? await edgeOf(values.edge, values['token-file'], configuration, session)
      : undefined;
    return runCommand(
      { ...values, ...options, gateway, isByDigestOnly: values['digests-only'], edge },
      configuration,
      session,
    );
  },
};

interface DrillCommand extends DrillOutputs {
  readonly config: string;
  /** The in-use list; undefined for those of the bucket. */
  readonly file: string | undefined;
  readonly clusters: readonly string[];
  readonly upstreams: ReadonlySet<Upstream>;
  readonly isByDigestOnly: boolean;
  /** Undefined if the edge is not asked. */
  readonly edge: EdgeAccess | undefined;
  /** The sums are written into the bucket. */
  readonly publish: boolean;
  /** No progress. */
  readonly quiet: boolean;
  /** Percent. */
  readonly required: number | undefined;
}

/** @returns the exit code */
async function runCommand(
  command: DrillCommand,
  configuration: Configuration,
  session: Session,
): Promise<number> {
  const { config, file, clusters, required } = command;
  const progress = new Progress(session, command);
  const given = file === undefined ? undefined : await readListFile(file, session);
  const store = await openForReading(config, configuration, session.env);
  try {
    const { lists, damagedLists } =
      given === undefined ? await listsOf(store, clusters) : { lists: [given], damagedLists: [] };
    const { drill: done, inUse } = await runDrill({
      ...command,
      store,
      configuration,
      lists,
      damagedLists,
      now: systemClock.now(),
      say: (what) => progress.info(`looking at ${what}`),
    });
    if (done.edgeFailure !== undefined) progress.fail(done.edgeFailure);
    if (done.results.length === 0 && command.upstreams.size > 0 && inUse.upstreams.length > 0) {
      const all = inUse.upstreams.map(formatUpstream).join(', ');
      progress.warn(`no image in use is of ${done.chosen.join(' or ')}. The lists have images of ${all}.`);
    }
    const judged = exitCodeOfDrill(done, required);
    const exitCode = await publishDrill(done, command, judged, { progress, session });
    if (!command.publish) return exitCode;
    const isPublished = await publishSums(summaryOf(done, judged), configuration, { progress, session });
    return exitCode === 0 && !isPublished ? 1 : exitCode;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    progress.fail(error.message);
    return 1;
  }
}

const PUBLISH = 'A list is written by: "lifeboat images --cluster NAME --publish"';

/** @throws {UsageError} if a cluster that was named has no list, or if there is no list at all */
async function listsOf(store: Store, clusters: readonly string[]): Promise<DrillLists> {
  const found = await readDrillLists(store, clusters);
  const { lists, damagedLists, absent } = found;
  if (clusters.length > 0 && absent.length > 0) {
    throw new UsageError(`the bucket has no list of what ${absent.join(', ')} runs. ${PUBLISH}.`);
  }
  if (lists.length === 0 && damagedLists.length === 0) {
    throw new UsageError(
      `the bucket has no list of what a cluster runs, so there is nothing to compare it with. ${PUBLISH}. Or name a list as FILE.`,
    );
  }
  return found;
}

/** @throws {UsageError} */
async function edgeOf(
  named: string | undefined,
  tokenFile: string | undefined,
  { edge }: Configuration,
  { cwd, env }: Session,
): Promise<EdgeAccess> {
  const url = named === undefined ? edge?.url : parseEdgeArgument('--edge', named, 'drill');
  if (url === undefined) {
    throw new UsageError(
      `--live needs the edge: name it by --edge URL, or write "edge: { url: … }" into the configuration. ${seeHelp('drill')}`,
    );
  }
  return { url, token: await readEdgeToken(tokenFile, url, edge, cwd), proxies: readProxies(env) };
}

/** @throws {UsageError} */
function parseCluster(text: string): string {
  if (isClusterName(text)) return text;
  throw new UsageError(
    `--cluster ${text}: a cluster's name has lower-case letters, digits, dots and hyphens, 63 at most.`,
  );
}

/** @throws {UsageError} */
function parseHost(text: string): Upstream {
  try {
    return parseUpstream(text);
  } catch (error) {
    if (!(error instanceof NameInvalidError)) throw error;
    throw new UsageError(`--upstream: ${error.message}`, { cause: error });
  }
}
