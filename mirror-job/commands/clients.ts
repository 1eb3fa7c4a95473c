/** `lifeboat clients` makes the configuration with which container runtimes ask the edge. */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { checkNode } from '../../cluster/check/check-node.ts';
import type { ContainerdMajor } from '../../cluster/check/containerd-config.ts';
import { NameInvalidError, parseUpstream, upstreamOf, type Upstream } from '../../core/reference.ts';
import { CLIENT_RUNTIMES, type ClientRuntime } from '../../cluster/clients/runtimes.ts';
import type {
  ClientFile,
  ClientSetup,
  MirroredUpstream,
  RuntimeConfiguration,
} from '../../cluster/clients/setup.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { EdgeAddressError, parseEdgeUrl } from '../configuration/edge.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { errorCode } from '../runtime/node/error-code.ts';
import { describeVerdicts } from '../terminal/check-text.ts';
import { describeFiles, describeNotes } from '../terminal/clients-text.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import type { Session } from '../terminal/io.ts';
import { readNode } from './node-reader.ts';
import { removeClientTree, writeClientTree } from './client-tree.ts';
import { parseOptions, seeHelp, suggest, type Command } from './command.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION },
  edge: { type: 'string' },
  upstream: { type: 'string', multiple: true },
  order: { type: 'string', default: 'mirror-first' },
  tags: { type: 'boolean', default: false },
  'token-file': { type: 'string' },
  peer: { type: 'string', multiple: true },
  out: { type: 'string' },
  remove: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  root: { type: 'string' },
  containerd: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const clients: Command = {
  help: `Usage: lifeboat clients RUNTIME... [--edge URL] [--upstream HOST]... [--out DIR] [OPTIONS]
       lifeboat clients RUNTIME... --remove --out DIR
       lifeboat clients --check [--root DIR] [--edge URL] [--upstream HOST]...

Makes the configuration with which container runtimes ask the edge before (or after) the registry
that an image comes from. What a runtime cannot express is said in a sentence. The files go to
standard output, or below DIR as they stand on a node. A file of somebody else is never
overwritten.

With --check it reads the files that are on a node, and says for each runtime that it finds
whether the edge would be asked, and why not.

RUNTIME is one or more of:
${CLIENT_RUNTIMES.map(({ name, title }) => `  ${name.padEnd(16)}${title}`).join('\n')}

Options:
      --edge URL       the edge, as in https://lifeboat.example.com (default: edge.url of
                       lifeboat.yaml)
      --upstream HOST  a registry whose images the edge is asked for, as in docker.io; may be
                       given again; '*' is every registry (default: those of lifeboat.yaml)
      --order ORDER    mirror-first, which survives more outages, or upstream-first, in which
                       the edge is asked only when the upstream fails (default: mirror-first)
      --tags           ask the edge for tags too; without it only the upstream says what a tag
                       is, and a tag cannot be pulled while the upstream is down
      --token-file F   the token of an edge that needs one; the files then are for the runtime
                       alone to read
      --peer URL       a mirror on the node that is asked before all others, as Spegel's
                       http://127.0.0.1:30020; may be given again
      --out DIR        write the files below DIR; "--out /" on the node itself
      --remove         with --out: remove these files again, those that nobody has changed
      --check          say whether the runtimes of this node would ask the edge
      --root DIR       with --check: the folder that holds the node's files (default: /)
      --containerd N   with --check: containerd's major version, 1 or 2 (default: that of the
                       program on this machine; with --root both)
  -c, --config FILE    lifeboat.yaml, if --edge or --upstream is left out
      --json           print everything as JSON
  -h, --help           this help

Exit code:
  0  the files are printed or written
  1  a runtime cannot be configured for this at all, or a file of somebody else needs lines of
     ours; the rest was done
  2  the command line, the configuration or DIR is wrong; nothing was written
  3  with --check: a runtime would not ask the edge for a registry, or no runtime was found

Examples:
  npx lifeboat clients containerd --edge https://lifeboat.example.com --upstream docker.io
  npx lifeboat clients docker > daemon.json
  npx lifeboat clients containerd cri-o --tags --out ./node
  npx lifeboat clients --check --edge https://lifeboat.example.com --upstream docker.io
  npx lifeboat clients openshift --upstream quay.io --upstream docker.io | oc apply -f -
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('clients', args, OPTIONS);
    if (values.check) return check(values, positionals, session);
    if (values.root !== undefined || values.containerd !== undefined) {
      throw new UsageError(`--root and --containerd belong to --check. ${seeHelp('clients')}`);
    }
    const runtimes = chooseRuntimes(positionals);
    const setup = await readSetup(values, session);
    const configured = runtimes.map((runtime) => Object.assign({ runtime }, runtime.configure(setup)));
    const files = joinFiles(configured);
    if (values.remove) return remove(files, values.out, session);
    const isWhole = configured.every((one) => one.files.length > 0);
    const isDone =
      values.out === undefined
        ? print(configured, files, values.json, session)
        : await write(configured, files, values.out, values.json, session);
    return isWhole && isDone ? 0 : 1;
  },
};

interface CheckOptions extends SetupOptions {
  readonly root?: string | undefined;
  readonly containerd?: string | undefined;
  readonly out?: string | undefined;
  readonly remove: boolean;
  readonly json: boolean;
}

/** @returns the exit code */
async function check(options: CheckOptions, runtimes: readonly string[], session: Session): Promise<number> {
  if (runtimes.length > 0 || options.out !== undefined) {
    throw new UsageError(
      `--check looks at every runtime that it finds: leave ${runtimes.length > 0 ? runtimes.join(', ') : '--out'} out. ${seeHelp('clients')}`,
    );
  }
  const isIdle = options.tags || options.order !== 'mirror-first' || options.peer !== undefined;
  if (isIdle || options['token-file'] !== undefined || options.remove) {
    throw new UsageError(
      `--check says what the files are, so --tags, --order, --peer, --token-file and --remove have no effect: leave them out. ${seeHelp('clients')}`,
    );
  }
  const { edge, upstreams } = await readSetup(options, session);
  if (upstreams === 'all') {
    throw new UsageError('--check needs the names of registries, as in --upstream docker.io.');
  }
  const root = resolve(session.cwd, options.root ?? '/');
  const found = await stat(root).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new UsageError(`--root ${root}: there is no such directory.`);
  const major = await containerdMajor(options);
  const verdicts = checkNode(await readNode(root), { edge, upstreams }, major);
  if (options.json) session.stdout.write(`${JSON.stringify(verdicts, undefined, 2)}\n`);
  else if (verdicts.length > 0) session.stdout.write(describeVerdicts(verdicts));
  if (verdicts.length === 0) session.stderr.write(`No container runtime has files below ${root}.\n`);
  return verdicts.length > 0 && verdicts.every(({ asked }) => asked !== 'no') ? 0 : 3;
}

/** @returns undefined if it cannot be known. @throws {UsageError} */
async function containerdMajor({ containerd, root }: CheckOptions): Promise<ContainerdMajor | undefined> {
  if (containerd === '1' || containerd === '2') return containerd === '1' ? 1 : 2;
  if (containerd !== undefined) throw new UsageError(`--containerd "${containerd}": it is 1 or 2.`);
  if (root !== undefined) return undefined;
  try {
    const { stdout } = await promisify(execFile)('containerd', ['--version'], { timeout: 10_000 });
    const [, major] = / v?(\d+)\.\d+\.\d+/.exec(stdout) ?? [];
    return major === '1' ? 1 : major === '2' ? 2 : undefined;
  } catch {
    return undefined;
  }
}

/** @returns the exit code. @throws {UsageError} */
async function remove(
  files: readonly ClientFile[],
  out: string | undefined,
  { cwd, stdout, stderr }: Session,
): Promise<number> {
  if (out === undefined) throw new UsageError(`--remove needs --out. ${seeHelp('clients')}`);
  const { removed, left } = await removeClientTree(files, out, cwd);
  for (const path of removed) stdout.write(`removed  ${path}\n`);
  for (const path of left) stderr.write(`${path} is not ours, or was changed since, so it stays.\n`);
  return left.length === 0 ? 0 : 1;
}

type Configured = RuntimeConfiguration & { readonly runtime: ClientRuntime };

interface SetupOptions {
  readonly config: string;
  readonly edge?: string | undefined;
  readonly upstream?: readonly string[] | undefined;
  readonly order: string;
  readonly tags: boolean;
  readonly 'token-file'?: string | undefined;
  readonly peer?: readonly string[] | undefined;
}

/** @throws {UsageError} */
function chooseRuntimes(names: readonly string[]): readonly ClientRuntime[] {
  const known = CLIENT_RUNTIMES.map(({ name }) => name);
  if (names.length === 0) {
    throw new UsageError(`name a runtime: ${known.join(', ')}. ${seeHelp('clients')}`);
  }
  return [...new Set(names)].map((name) => {
    const runtime = CLIENT_RUNTIMES.find((one) => one.name === name.toLowerCase());
    if (runtime !== undefined) return runtime;
    throw new UsageError(
      `there is no runtime "${name}".${suggest(name, known)} There are: ${known.join(', ')}.`,
    );
  });
}

/** @throws {UsageError} and {ConfigurationError} */
async function readSetup(options: SetupOptions, session: Session): Promise<ClientSetup> {
  const { order, tags } = options;
  if (order !== 'mirror-first' && order !== 'upstream-first') {
    throw new UsageError(`--order "${order}": it is mirror-first or upstream-first.`);
  }
  if (options.edge !== undefined) parseOrigin('--edge', options.edge);
  // A file that is named says how upstreams are reached, also if it is needed for nothing else.
  const isConfigured =
    options.edge === undefined || options.upstream === undefined || options.config !== DEFAULT_CONFIGURATION;
  const configuration = isConfigured
    ? await loadConfiguration(options.config, session.env, { needsImages: false, cwd: session.cwd })
    : undefined;
  const edge = options.edge ?? configuration?.edge?.url;
  if (edge === undefined) {
    throw new UsageError(
      `where is the edge? Give --edge https://… or write edge: { url: https://… } into ${options.config}.`,
    );
  }
  const origin = parseOrigin('--edge', edge);
  // A token is for the edge that it stands beside, and for no other.
  const configured = configuration?.edge?.url === origin ? configuration.edge.tokenFile : undefined;
  const tokenFile = options['token-file'] ?? configured;
  return {
    edge: origin,
    upstreams:
      options.upstream === undefined
        ? upstreamsIn(configuration, options.config)
        : parseUpstreams(options.upstream, configuration),
    order,
    tags,
    token: tokenFile === undefined ? undefined : await readToken(resolve(session.cwd, tokenFile)),
    peers: (options.peer ?? []).map((peer) => parseOrigin('--peer', peer)),
  };
}

/** @throws {UsageError} */
function parseOrigin(option: string, text: string): string {
  try {
    return parseEdgeUrl(text);
  } catch (error) {
    if (!(error instanceof EdgeAddressError)) throw error;
    // The text is not shown, because it may hold a password.
    throw new UsageError(`${option}: ${error.message}`, { cause: error });
  }
}

/** @throws {UsageError} */
function parseUpstreams(
  texts: readonly string[],
  configuration: Configuration | undefined,
): ClientSetup['upstreams'] {
  if (texts.includes('*')) {
    if (texts.length > 1) throw new UsageError('--upstream "*" is every registry: leave the others out.');
    return 'all';
  }
  const names = texts.map((text) => {
    try {
      return parseUpstream(text);
    } catch (error) {
      if (error instanceof NameInvalidError)
        throw new UsageError(`--upstream ${error.message}`, { cause: error });
      throw error;
    }
  });
  return [...new Set(names)].map((name) => mirrored(name, configuration));
}

/** @returns the registries of all images, in the order of the file. @throws {UsageError} if there is none */
function upstreamsIn(configuration: Configuration | undefined, file: string): readonly MirroredUpstream[] {
  const names = [
    ...(configuration?.images ?? []).map(({ repository }) => upstreamOf(repository)),
    ...(configuration?.onDemand ?? []).map(({ upstream }) => upstream),
  ];
  if (names.length === 0) {
    throw new UsageError(`${file} lists no image, so name the registries, as in --upstream docker.io.`);
  }
  return [...new Set(names)].map((name) => mirrored(name, configuration));
}

function mirrored(name: Upstream, configuration: Configuration | undefined): MirroredUpstream {
  return { name, isInsecure: configuration?.upstreams.get(name)?.insecure ?? false };
}

/** @throws {UsageError} */
async function readToken(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`the token file ${file} cannot be read (${errorCode(error)}).`, { cause: error });
  }
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(
    token === ''
      ? `the token file ${file} is empty.`
      : `the token file ${file} has to hold one token, without spaces and line breaks in it.`,
  );
}

/** Joins the files of all runtimes. @throws {UsageError} if two of them need different contents at one path */
function joinFiles(configured: readonly Configured[]): readonly ClientFile[] {
  const files = new Map<string, { readonly file: ClientFile; readonly runtime: string }>();
  for (const { runtime, files: own } of configured) {
    for (const file of own) {
      const other = files.get(file.path);
      if (other !== undefined && other.file.content !== file.content) {
        throw new UsageError(
          `${other.runtime} and ${runtime.name} need different contents for ${file.path}: choose one of them, or make them one after the other.`,
        );
      }
      files.set(file.path, { file, runtime: runtime.name });
    }
  }
  return [...files.values()].map(({ file }) => file);
}

/** @returns whether all was done */
function print(
  configured: readonly Configured[],
  files: readonly ClientFile[],
  isJson: boolean,
  session: Session,
): boolean {
  if (isJson) {
    session.stdout.write(`${JSON.stringify(configured.map(toJson), undefined, 2)}\n`);
    return true;
  }
  session.stdout.write(describeFiles(files));
  for (const one of configured) session.stderr.write(describeNotes(one.runtime.title, one));
  return true;
}

async function write(
  configured: readonly Configured[],
  files: readonly ClientFile[],
  out: string,
  isJson: boolean,
  session: Session,
): Promise<boolean> {
  const { written, unchanged, toMerge } = await writeClientTree(files, out, session.cwd);
  if (isJson) {
    const tree = { written, unchanged, toMerge: toMerge.map(({ path }) => path) };
    session.stdout.write(`${JSON.stringify({ runtimes: configured.map(toJson), tree }, undefined, 2)}\n`);
    return toMerge.length === 0;
  }
  for (const path of written) session.stdout.write(`wrote      ${path}\n`);
  for (const path of unchanged) session.stdout.write(`unchanged  ${path}\n`);
  for (const { path, content, isSecret } of toMerge) {
    // The token must not get into a log.
    const lines = isSecret
      ? 'It has to hold what the command prints without --out.\n'
      : `These lines have to be in it:\n${content}\n`;
    session.stderr.write(`${path} is not ours, so it was not changed. ${lines}`);
  }
  for (const one of configured) session.stderr.write(describeNotes(one.runtime.title, { ...one, files: [] }));
  return toMerge.length === 0;
}

function toJson({ runtime, files, limits, steps }: Configured) {
  return { runtime: runtime.name, files, limits, steps };
}
