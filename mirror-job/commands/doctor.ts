/** `lifeboat doctor` examines an edge as its clients use it. */
import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describeUnreachable } from '../../cluster/doctor/connection.ts';
import { hasProblem, judge } from '../../cluster/doctor/judge.ts';
import type { NotLooked } from '../../cluster/doctor/observation.ts';
import { NameInvalidError, parseReference, type Reference } from '../../core/reference.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { UsageError } from '../configuration/usage-error.ts';
import type { EdgeKey } from '../doctor/bucket.ts';
import { examine, UnreachableError } from '../doctor/examine.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { describeDiagnosis, diagnosisData } from '../terminal/doctor-text.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { styleFor } from '../terminal/style.ts';
import { readEdgeToken } from './arguments/edge-token.ts';
import { parseEdgeArgument } from './arguments/edge-url.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', takes: 'file' },
  'token-file': { type: 'string', takes: 'file' },
  image: { type: 'string' },
  challenge: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const;

export const doctor: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat doctor [URL] [-c FILE] [--token-file FILE] [--image IMAGE] [--challenge] [--json]
                       [-q]

Examines a deployed edge by the requests that its clients make, and says what works, what each
client would do (containerd, CRI-O, podman, skopeo, Docker, BuildKit), and what to change. It pulls
one image: its manifest by every form of its name, and one blob. It runs on the network where it is
started: start it on a node, or in the network of the nodes.

URL is the address of the edge, without a path: https://mirror.example.com. It may be left out if
the configuration has "edge". With a configuration, the doctor also compares the edge with the
bucket. It then writes one object, the state/<name>/probe by which each run probes the store, and
nothing else.

Options:
  -c, --config FILE      the configuration (default: lifeboat.yaml, if there is one)
      --token-file FILE  a file with a token of the edge, for AUDIENCE = token (default:
                         edge.tokenFile, if the edge is that of the configuration)
      --image IMAGE      the image to pull (default: one that the edge, the bucket or the
                         configuration lists)
      --challenge        the edge is meant to ask for a login (AUTH_CHALLENGE = basic)
      --json             print the checks as JSON
  -q, --quiet            no progress
  -h, --help             this help

Environment:
  EDGE_S3_ACCESS_KEY_ID, EDGE_S3_SECRET_ACCESS_KEY  the edge's own key of the bucket, which must be
                 able to get and list, and not to write. Without it, that is not looked at
  the variables that the configuration reads with \${NAME}; NO_COLOR=1 for no colours
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  the proxies for the edge and the store
  NODE_EXTRA_CA_CERTS  a file with root certificates of your own

Exit code:
  0  no check found a problem
  1  the edge could not be examined: no answer, or a certificate that is not accepted
  2  the command line, the token's file or the configuration is wrong
  3  a check found a problem

Examples:
  npx lifeboat doctor https://mirror.example.com
  npx lifeboat doctor https://mirror.example.com --image docker.io/library/nginx:1.29
  npx lifeboat doctor -c lifeboat.yaml --json | jq -r '.checks[] | select(.outcome == "problem")'
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('doctor', args, OPTIONS);
    const [text, ...others] = positionals;
    if (others.length > 0) throw new UsageError(`name one edge. ${seeHelp('doctor')}`);
    const given =
      text === undefined ? undefined : parseEdgeArgument('the address of the edge', text, 'doctor');
    const image = values.image === undefined ? undefined : parseImage(values.image);
    const edgeKey = readEdgeKey(session.env);
    const configuration = await readConfiguration(values.config, given, session);
    const edge = 'notLooked' in configuration ? undefined : configuration.edge;
    const url = given ?? edge?.url;
    if (url === undefined) {
      throw new UsageError(
        `name the edge, as in https://mirror.example.com, or write "edge: { url: … }" into the configuration. ${seeHelp('doctor')}`,
      );
    }
    const token = await readEdgeToken(values['token-file'], url, edge, session.cwd);
    return runDoctor(
      {
        url,
        token,
        image,
        configuration,
        edgeKey,
        wantsChallenge: values.challenge,
        json: values.json,
        quiet: values.quiet,
      },
      session,
    );
  },
};

interface DoctorOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly image: Reference | undefined;
  readonly configuration: Configuration | NotLooked;
  readonly edgeKey: EdgeKey | NotLooked;
  readonly wantsChallenge: boolean;
  readonly json: boolean;
  /** No progress. */
  readonly quiet: boolean;
}

/** @returns the exit code: 0, 1 or 3 */
async function runDoctor({ json, quiet, ...options }: DoctorOptions, session: Session): Promise<number> {
  const progress = new Progress(session, { quiet });
  const proxies = readProxies(session.env);
  try {
    const examination = await examine({
      ...options,
      proxies,
      say: (what) => progress.info(`looking at ${what}`),
    });
    const diagnosis = judge(examination);
    if (json) {
      printJson(diagnosisData(diagnosis), session);
    } else {
      const style = styleFor(session.stdout, session.env);
      printResult(diagnosis, (shown) => describeDiagnosis(shown, style), session);
    }
    return hasProblem(diagnosis) ? 3 : 0;
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    const { says, next } = describeUnreachable(options.url, error.failure);
    progress.fail(`${says}. ${next}`);
    return 1;
  }
}

/** @throws {UsageError} */
function parseImage(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!(error instanceof NameInvalidError)) throw error;
    throw new UsageError(`--image: ${error.message}`, { cause: error });
  }
}

/**
 * Reads the configuration that was named, or the usual one if it exists. If the edge was named and the configuration was
 * not, an unusable one does not stop the examination: the file may belong to something else that is done in this folder.
 * @throws {ConfigurationError}
 */
async function readConfiguration(
  named: string | undefined,
  url: string | undefined,
  { env, cwd }: Session,
): Promise<Configuration | NotLooked> {
  const file = named ?? DEFAULT_CONFIGURATION;
  const exists = await access(resolve(cwd, file)).then(
    () => true,
    () => false,
  );
  if (named === undefined && !exists)
    return { notLooked: 'the bucket: there is no lifeboat.yaml here; name one by -c FILE' };
  try {
    return await loadConfiguration(file, env, { needsImages: false, cwd });
  } catch (error) {
    if (!(error instanceof ConfigurationError) || named !== undefined || url === undefined) throw error;
    return {
      notLooked: `the bucket: lifeboat.yaml cannot be used (${error.message.split('\n', 1)[0]?.replace(/\.$/, '')})`,
    };
  }
}

/** @throws {UsageError} for one half of a key */
function readEdgeKey(env: NodeJS.ProcessEnv): EdgeKey | NotLooked {
  const accessKeyId = env['EDGE_S3_ACCESS_KEY_ID'] ?? '';
  const secretAccessKey = env['EDGE_S3_SECRET_ACCESS_KEY'] ?? '';
  if (accessKeyId === '' && secretAccessKey === '') {
    return { notLooked: 'EDGE_S3_ACCESS_KEY_ID and EDGE_S3_SECRET_ACCESS_KEY are not set' };
  }
  if (accessKeyId === '' || secretAccessKey === '') {
    throw new UsageError(
      'EDGE_S3_ACCESS_KEY_ID and EDGE_S3_SECRET_ACCESS_KEY belong together: set both, or neither.',
    );
  }
  return { accessKeyId, secretAccessKey };
}
