/** `lifeboat clients` makes the configuration with which container runtimes ask the edge. */
import { CLIENT_RUNTIMES, type ClientRuntime } from '../../cluster/clients/runtimes.ts';
import type { ClientFile } from '../../cluster/clients/setup.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { describeFiles, describeNotes } from '../terminal/clients-text.ts';
import { CommandLine } from '../terminal/command-line.ts';
import type { Session } from '../terminal/io.ts';
import { printJson } from '../terminal/result.ts';
import { ORDERS, readClientSetup, type SetupOptions } from './arguments/client-setup.ts';
import { checkClients } from './clients/client-check.ts';
import { mergeClients, type Configured } from './clients/client-merge.ts';
import { removeClientTree, writeClientTree } from './clients/client-tree.ts';
import { parseOptions, seeHelp, suggest, type Command } from './command.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', takes: 'file' },
  edge: { type: 'string' },
  upstream: { type: 'string', multiple: true },
  order: { type: 'string', default: 'mirror-first', takes: ORDERS },
  tags: { type: 'boolean', default: false },
  'token-file': { type: 'string', takes: 'file' },
  peer: { type: 'string', multiple: true },
  merge: { type: 'string', multiple: true, takes: 'file' },
  out: { type: 'string', takes: 'folder' },
  remove: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  probe: { type: 'boolean', default: false },
  root: { type: 'string', takes: 'folder' },
  containerd: { type: 'string', takes: ['1', '2'] },
  json: { type: 'boolean', default: false },
} as const;

export const clients: Command = {
  options: OPTIONS,
  operands: CLIENT_RUNTIMES.map(({ name }) => name),
  help: `Usage: lifeboat clients RUNTIME... [--edge URL] [--upstream HOST]... [--out DIR] [OPTIONS]
       lifeboat clients RUNTIME... --merge FILE... [--edge URL | -c FILE] [--out DIR] [OPTIONS]
       lifeboat clients RUNTIME... --remove --out DIR [--edge URL] [--upstream HOST]...
       lifeboat clients [RUNTIME...] --check [--probe | --root DIR] [--edge URL]
                        [--upstream HOST]...

Makes the configuration with which container runtimes ask the edge before (or after) the registry
that an image comes from. What a runtime cannot express is said in a sentence. The files go to
standard output, or below DIR as they stand on a node. A file of somebody else is never
overwritten.

With --check it reads the files that are on a node, and says for each runtime that it finds
whether the edge would be asked, and why not. If runtimes are named, only they count: containerd,
containerd-1, cri-o, podman, docker, k3s, rke2, microk8s, buildkit. With --probe, each runtime also
pulls an image that no registry has and that the edge makes, so that a pull that succeeds came
through the edge. A runtime that could not be told to pull is listed with the reason.

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
      --merge FILE     for cri-o, podman and openshift: make one order of the mirror sets in FILE
                       (OpenShift's objects, as "oc get idms,itms -o yaml" prints them, or
                       another team's lifeboat.yaml); may be given again; - is standard input.
                       The edge of --edge or -c is asked before all of them; without --edge and
                       -c the files alone count
      --out DIR        write the files below DIR; "--out /" on the node itself
      --remove         with --out: remove again the files that the same options write, if nobody
                       has changed them; the others stay, which is no error
      --check          say whether the runtimes of this node would ask the edge
      --probe          with --check, on the node itself: let the runtimes pull (by crictl, podman,
                       docker), and remove the image again
      --root DIR       with --check: the folder that holds the node's files (default: /)
      --containerd N   with --check: containerd's major version, 1 or 2 (default: that of the
                       program on this machine; with --root both)
  -c, --config FILE    lifeboat.yaml, which also says which registries speak plain HTTP; without -c
                       it is read only if --edge or --upstream is left out
      --json           print everything as JSON; with --out, without contents that have the token
  -h, --help           this help

Exit code:
  0  the files are printed or written
  1  a runtime cannot be configured for this at all, or a file of somebody else needs lines of
     ours; the rest was done. With --probe: the edge does not answer this machine, or a runtime
     could not be told to pull
  2  the command line, the configuration or DIR is wrong, and nothing was written; or a write
     failed, as on a full disk, and the message names the files that were written before
  3  with --check: a runtime would not ask the edge for a registry, or did not get the image of
     the probe, or no runtime was found, or none of a name that was given; if 1 holds too, it is 3

Examples:
  npx lifeboat clients containerd --edge https://lifeboat.example.com --upstream docker.io
  npx lifeboat clients docker > daemon.json
  npx lifeboat clients containerd cri-o --tags --out ./node
  npx lifeboat clients --check --edge https://lifeboat.example.com --upstream docker.io
  npx lifeboat clients containerd --check --probe --upstream docker.io
  npx lifeboat clients --check --probe --json | jq -r '.probes[] | select(.through == "no")'
  npx lifeboat clients openshift --upstream quay.io --upstream docker.io | oc apply -f -
  oc get idms,itms -o yaml | npx lifeboat clients cri-o --merge - --merge team-b/lifeboat.yaml
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('clients', args, OPTIONS);
    const { config } = values;
    if (values.check && values.merge !== undefined) {
      throw new UsageError(`--check reads files that are there: leave --merge out. ${seeHelp('clients')}`);
    }
    if (values.check) return checkClients({ ...values, config }, positionals, session);
    if (values.root !== undefined || values.containerd !== undefined || values.probe) {
      throw new UsageError(`--probe, --root and --containerd belong to --check. ${seeHelp('clients')}`);
    }
    const runtimes = chooseRuntimes(positionals);
    const { merge } = values;
    const configured =
      merge === undefined
        ? await configureClients(runtimes, values, session)
        : await mergeClients(runtimes, { ...values, merge }, session);
    const files = joinFiles(configured);
    if (values.remove) return remove(files, values, session);
    const isWhole = configured.every((one) => one.files.length > 0);
    const isDone =
      values.out === undefined
        ? print(configured, files, values.json, session)
        : await write(configured, files, values.out, values.json, session);
    return isWhole && isDone ? 0 : 1;
  },
};

/**
 * Files that are not ours are no failure: an init container that removes files on each node has to end with success.
 * @returns the exit code. @throws {UsageError}
 */
async function remove(
  files: readonly ClientFile[],
  { out, json }: { readonly out?: string | undefined; readonly json: boolean },
  session: Session,
): Promise<number> {
  if (out === undefined) throw new UsageError(`--remove needs --out. ${seeHelp('clients')}`);
  const removal = await removeClientTree(files, out, session.cwd);
  if (json) {
    printJson(removal, session);
    return 0;
  }
  for (const path of removal.removed) session.stdout.write(`removed  ${path}\n`);
  for (const path of removal.left) session.stderr.write(`${path} ${NOT_OURS}, so it stays.\n`);
  return 0;
}

/** Formats without comments have no mark, so even our own file of other options cannot be told from somebody else's. */
const NOT_OURS = 'is not ours, or was changed since';

/** @throws {UsageError}, {ConfigurationError} */
async function configureClients(
  runtimes: readonly ClientRuntime[],
  options: SetupOptions,
  session: Session,
): Promise<readonly Configured[]> {
  const setup = await readClientSetup(options, session);
  return runtimes.map((runtime) => Object.assign({ runtime }, runtime.configure(setup)));
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
    printFiles(
      configured.map((one) => toJson(one)),
      session,
    );
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
    printFiles({ runtimes: configured.map((one) => withoutSecrets(toJson(one))), tree }, session);
    return toMerge.length === 0;
  }
  for (const path of written) session.stdout.write(`wrote      ${path}\n`);
  for (const path of unchanged) session.stdout.write(`unchanged  ${path}\n`);
  for (const { path, content, isSecret } of toMerge) {
    const lines = isSecret
      ? 'It has to hold what the command prints without --out.\n'
      : `These lines have to be in it:\n${content}\n`;
    session.stderr.write(`${path} ${NOT_OURS}, so it was not overwritten. ${lines}`);
  }
  for (const one of configured) {
    const steps = isToApply(one, unchanged) ? one.steps : [];
    session.stderr.write(describeNotes(one.runtime.title, { ...one, files: [], steps }));
  }
  return toMerge.length === 0;
}

/** Steps belong to files that are new, so a second time they would only be in the way. */
function isToApply({ files, stepsFor }: Configured, unchanged: readonly string[]): boolean {
  const about = files.filter(({ path }) => stepsFor === undefined || path === stepsFor);
  return about.length === 0 || about.some(({ path }) => !unchanged.includes(path));
}

/** The content of a file has to stay as it is: the commands that it quotes are not completed. */
function printFiles(value: unknown, { stdout }: Pick<Session, 'stdout'>): void {
  printJson(value, { stdout, commandLine: new CommandLine() });
}

function toJson({ runtime, files, limits, steps }: Configured) {
  return { runtime: runtime.name, files, limits, steps };
}

/** Once the files are written, the output is only a report, and goes into logs, which must not have the token. */
function withoutSecrets(runtime: ReturnType<typeof toJson>) {
  const files = runtime.files.map(({ content, ...file }) => (file.isSecret ? file : { ...file, content }));
  return { ...runtime, files };
}
