/** `lifeboat images` says which images files and clusters need, and why. */
import { Inventory } from '../../cluster/images/inventory.ts';
import { csvText, LIST_FORMATS, writeList, type ListFormat } from '../../cluster/images/lists.ts';
import type { FoundInObjects, Problem } from '../../cluster/images/mention.ts';
import { isNamedByTextAlone, type SeenImage } from '../../core/in-use-list.ts';
import { isClusterName } from '../../core/layout.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { countOf } from '../engine/support/count-of.ts';
import { ClusterError } from '../kubernetes/cluster-error.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { describeImages, imagesData } from '../terminal/images-text.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { styleFor } from '../terminal/style.ts';
import { lineWidth } from '../terminal/table.ts';
import { parseOptions, seeHelp, suggest, type Command } from './command.ts';
import { imagesInFile } from './images/image-files.ts';
import { publishImages } from './images/image-publish.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  cluster: { type: 'string' },
  kubeconfig: { type: 'string', takes: 'file' },
  context: { type: 'string' },
  publish: { type: 'boolean', default: false },
  arg: { type: 'string', multiple: true },
  'with-text': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
  csv: { type: 'boolean', default: false },
  yaml: { type: 'boolean', default: false },
  format: { type: 'string', takes: LIST_FORMATS },
} as const;

export const images: Command = {
  options: OPTIONS,
  operands: 'file',
  help: `Usage: lifeboat images FILE|DIR|-... [--json | --csv | --yaml | --format FORMAT] [OPTIONS]
       lifeboat images --cluster NAME [--kubeconfig FILE] [--context NAME] [OPTIONS]
       lifeboat images [FILE...] --cluster NAME --publish [-c FILE]

Finds the images that files or a cluster need, and says what uses each of them: containers, init
and ephemeral containers, volumes, what runs now and by which digest, operators' arguments, the
image of pods' sandboxes. It pulls nothing, and asks no registry.

FILE is what kubectl prints with -o json or -o yaml, of any kinds; rendered manifests; what
"crictl images -o json" prints; a node's kubeadm-flags.env, config.toml or crio.conf; a
Dockerfile, a compose file, a workflow of GitHub or GitLab; or a list with an image on each line.
DIR is searched for such files. - is standard input.

With --cluster and no FILE, it reads the cluster itself, by get and list alone. NAME is your name
for it. With --publish, what was seen is added to the cluster's list in the bucket: entries of
images with inUse mirror it from there. docs/clusters.md

Options:
      --cluster NAME     the name of the cluster: lower-case letters, digits, dots and hyphens
      --kubeconfig FILE  a kubeconfig (default: KUBECONFIG, ~/.kube/config, or in a pod its
                         service account)
      --context NAME     a context of the kubeconfig (default: the current one)
      --publish          add the images to the cluster's list in the bucket
      --arg NAME=VALUE   a build argument of Dockerfiles, or a variable of compose files; may be
                         given again
      --with-text        lists have also the images that only a text names, such as an argument
      --json             print everything as JSON, in the form of the list in the bucket
  -q, --quiet            no progress
      --csv              print a table for spreadsheets
      --yaml             print the images of a lifeboat.yaml: tags, and the digests that run
      --format FORMAT    print the list of another tool: regsync, skopeo (sync) or hauler
  -c, --config FILE      with --publish: where the bucket is (default: lifeboat.yaml)
  -h, --help             this help

Environment:
  KUBECONFIG  the kubeconfig
  with --publish: the variables that the configuration reads for its store

Exit code:
  0  done
  1  something could not be read or is no image, and the rest was done; or the cluster or the
     bucket did not answer
  2  the command line, a file, the kubeconfig or the configuration is wrong

Examples:
  kubectl get nodes,pods -A -o json | npx lifeboat images -
  helm template ./chart | npx lifeboat images - --yaml
  npx lifeboat images --cluster prod --csv > prod.csv
  npx lifeboat images . Dockerfile --arg VERSION=3.20
  npx lifeboat images --cluster prod --publish
`,
  async run(args, session) {
    const { values, positionals: files } = parseOptions('images', args, OPTIONS);
    const { cluster } = values;
    const output = chooseOutput(values);
    if (cluster !== undefined && !isClusterName(cluster)) {
      throw new UsageError(
        `--cluster "${cluster}": a name has lower-case letters, digits, dots and hyphens, 63 at most.`,
      );
    }
    if (cluster === undefined && files.length === 0) {
      throw new UsageError(`name a file, or a cluster with --cluster. ${seeHelp('images')}`);
    }
    if (values.publish && cluster === undefined) {
      throw new UsageError(`--publish needs --cluster NAME, whose list it writes. ${seeHelp('images')}`);
    }
    const isLive = files.length === 0;
    if (!isLive && (values.kubeconfig !== undefined || values.context !== undefined)) {
      throw new UsageError(`--kubeconfig and --context are for a cluster that is read: leave the files out.`);
    }
    const progress = new Progress(session, values);
    const found = isLive
      ? await readCluster(values, progress, session)
      : readFiles(files, parseArguments(values.arg ?? []), session);
    const seen = await collect(found, progress);
    if (seen === undefined) {
      if (values.publish) progress.info('Nothing was published, so the list in the bucket is as it was.');
      return 1;
    }
    const isPublished =
      !values.publish ||
      (await publishImages(
        { file: values.config, cluster: cluster ?? '', images: seen.images, unread: seen.unread },
        progress,
        session,
      ));
    print(
      seen,
      { output, cluster, withText: values['with-text'], isPublishing: values.publish },
      progress,
      session,
    );
    return isPublished && seen.problems.length === 0 ? 0 : 1;
  },
};

type Output = 'table' | 'json' | 'csv' | ListFormat;

/** @throws {UsageError} for two formats, and for one that there is not */
function chooseOutput(values: {
  readonly json: boolean;
  readonly csv: boolean;
  readonly yaml: boolean;
  readonly format?: string | undefined;
}): Output {
  const { json, csv, yaml, format } = values;
  const chosen: Output[] = [
    ...(json ? (['json'] as const) : []),
    ...(csv ? (['csv'] as const) : []),
    ...(yaml ? (['lifeboat'] as const) : []),
    ...(format === undefined ? [] : [parseFormat(format)]),
  ];
  const [first = 'table', ...others] = chosen;
  if (others.length > 0) {
    throw new UsageError(`--json, --csv, --yaml and --format: choose one of them. ${seeHelp('images')}`);
  }
  return first;
}

/** @throws {UsageError} */
function parseFormat(text: string): ListFormat {
  const format = LIST_FORMATS.find((one) => one === text);
  if (format !== undefined) return format;
  throw new UsageError(
    `there is no format "${text}".${suggest(text, LIST_FORMATS)} There are: ${LIST_FORMATS.join(', ')}.`,
  );
}

/** @throws {UsageError} */
function parseArguments(texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    texts.map((text): [string, string] => {
      const equals = text.indexOf('=');
      if (equals < 1) throw new UsageError(`--arg "${text}": write NAME=VALUE.`);
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

async function* readFiles(
  files: readonly string[],
  buildArguments: ReadonlyMap<string, string>,
  { cwd, stdin }: Session,
): AsyncGenerator<FoundInObjects> {
  const platforms = new Map<string, string>();
  for (const file of files) yield* imagesInFile(file, { cwd, stdin, buildArguments, platforms });
}

async function readCluster(
  {
    kubeconfig,
    context,
  }: { readonly kubeconfig?: string | undefined; readonly context?: string | undefined },
  progress: Progress,
  { cwd }: Session,
): Promise<AsyncGenerator<FoundInObjects>> {
  // The client of Kubernetes is as large as the rest of the program, so it is loaded only here.
  const { readLiveCluster } = await import('./images/image-cluster.ts');
  return readLiveCluster({ kubeconfig, context, cwd }, (path) => progress.info(`listing ${path}`));
}

interface Collected {
  readonly images: readonly SeenImage[];
  readonly problems: readonly Problem[];
  /** The places of those problems that hide images. */
  readonly unread: readonly string[];
}

/** @returns undefined, after saying why, if the cluster does not answer */
async function collect(
  found: AsyncIterable<FoundInObjects>,
  progress: Progress,
): Promise<Collected | undefined> {
  const inventory = new Inventory();
  const problems: Problem[] = [];
  try {
    for await (const one of found) {
      if (one.kind === 'mention') inventory.add(one);
      else if (one.kind === 'control') inventory.addControl(one);
      else problems.push(one);
    }
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    progress.fail(error.message);
    return undefined;
  }
  const unread = problems.filter(({ isUnread }) => isUnread).map(({ where }) => where);
  return { images: inventory.images, problems, unread };
}

/** More lines than these would hide the others. */
const MAX_PROBLEMS = 50;

function print(
  { images: all, problems, unread }: Collected,
  how: {
    readonly output: Output;
    readonly cluster: string | undefined;
    readonly withText: boolean;
    readonly isPublishing: boolean;
  },
  progress: Progress,
  session: Session,
): void {
  const { output, cluster } = how;
  for (const { where, message } of problems.slice(0, MAX_PROBLEMS)) progress.warn(`${where}: ${message}`);
  if (problems.length > MAX_PROBLEMS) {
    progress.warn(`and ${countOf(problems.length - MAX_PROBLEMS, 'more problem')}; --json has all of them.`);
  }
  if (all.length === 0) progress.info('No image is named there.');
  // A scheduled job that publishes needs no table.
  if (how.isPublishing && output === 'table') return;
  if (output === 'json') {
    printJson(imagesData({ images: all, problems, unread }, cluster, new Date()), session);
    return;
  }
  if (output === 'table') {
    if (all.length > 0) {
      const { stdout, env } = session;
      const [style, width] = [styleFor(stdout, env), lineWidth(stdout)];
      printResult(all, (shown) => describeImages(shown, style, width), session);
    }
    return;
  }
  const chosen = how.withText ? all : all.filter((image) => !isNamedByTextAlone(image));
  if (chosen.length < all.length) {
    const left = all.length - chosen.length;
    const [are, them] = left === 1 ? ['is', 'it'] : ['are', 'them'];
    progress.info(
      `${countOf(left, 'image')} that only a text names ${are} left out: --with-text adds ${them}.`,
    );
  }
  session.stdout.write(output === 'csv' ? csvText(chosen) : writeList(output, chosen));
}
