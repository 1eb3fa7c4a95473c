/** Starts workerd itself, from a configuration of its own: no wrangler, no miniflare and no inspector beside it. */
import { copyFile, mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, startProgram, waitForHttp, type Program } from '../../test/support/process.ts';

const WORKERD = join(import.meta.dirname, '../../node_modules/.bin/workerd');
const CACHE_SERVICE = join(import.meta.dirname, 'cache-service.js');
const BARE = join(import.meta.dirname, 'bare.js');

export interface RunningWorker {
  /** The address `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
  readonly program: Program;
  /** The file that gets everything that the Worker logs: one line per request, as in a deployment. */
  readonly log: string;
  /** Empties the log, so that a long run does not fill the disk. */
  clearLog(): Promise<void>;
  stop(): Promise<void>;
}

/** An answer that the bare Worker repeats. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** The size of the body, in bytes. */
  readonly size: number;
}

export interface Runtime {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
}

/** The service behind `caches.default` runs in a process of its own, as it does in a deployment. */
export async function startCacheService(folder: string, runtime: Runtime): Promise<RunningWorker> {
  await mkdir(folder, { recursive: true });
  await copyFile(CACHE_SERVICE, join(folder, 'cache-service.js'));
  return serve(folder, 'cache-service.js', [
    `(name = "main", worker = (
      modules = [(name = "cache-service.js", esModule = embed "cache-service.js")],
      ${compatibility(runtime)}))`,
  ]);
}

/**
 * Starts the edge with its variables as bindings, the loopback as its network and a cache behind `caches.default`.
 * @param folder belongs to this run alone, and is created here
 * @param cache the process of the cache; without it, the cache is in the edge's own process
 * @throws if the edge does not answer on `/healthz`
 */
export async function startEdgeWorker(
  folder: string,
  bundle: string,
  runtime: Runtime,
  variables: Readonly<Record<string, string>>,
  cache?: RunningWorker,
): Promise<RunningWorker> {
  await mkdir(folder, { recursive: true });
  await copyFile(bundle, join(folder, 'index.js'));
  await copyFile(CACHE_SERVICE, join(folder, 'cache-service.js'));
  const bindings = Object.entries(variables).map(
    ([name, value]) => `(name = ${quote(name)}, text = ${quote(value)})`,
  );
  return serve(folder, 'index.js', [
    `(name = "main", worker = (
      modules = [(name = "index.js", esModule = embed "index.js")],
      ${compatibility(runtime)},
      bindings = [${bindings.join(', ')}],
      cacheApiOutbound = "cache"))`,
    cache === undefined
      ? `(name = "cache", worker = (
      modules = [(name = "cache-service.js", esModule = embed "cache-service.js")],
      ${compatibility(runtime)}))`
      : `(name = "cache", external = (address = ${quote(new URL(cache.url).host)}, http = ()))`,
    // The store is on the loopback, to which the default network does not lead.
    `(name = "internet", network = (allow = ["private", "local"]))`,
  ]);
}

/** @param folder belongs to this run alone, and is created here */
export async function startBareWorker(
  folder: string,
  runtime: Runtime,
  answer: PlainAnswer,
): Promise<RunningWorker> {
  await mkdir(folder, { recursive: true });
  await copyFile(BARE, join(folder, 'bare.js'));
  return serve(folder, 'bare.js', [
    `(name = "main", worker = (
      modules = [(name = "bare.js", esModule = embed "bare.js")],
      ${compatibility(runtime)},
      bindings = [(name = "ANSWER", json = ${quote(JSON.stringify(answer))})]))`,
  ]);
}

async function serve(folder: string, main: string, services: readonly string[]): Promise<RunningWorker> {
  const port = await freePort();
  const file = join(folder, 'config.capnp');
  const log = join(folder, 'log');
  await writeFile(
    file,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(',\n    ')}],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]);
`,
  );
  await (await open(log, 'w')).close();
  // The log goes to a file and not through this process, because the work of this process would count as the Worker's.
  const script = 'exec "$0" serve "$1" >>"$2" 2>&1';
  const program = await startProgram('/bin/sh', ['-c', script, WORKERD, file, log]);
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitForHttp(`${url}/healthz`, { program });
  } catch (cause) {
    await program.stop();
    const output = (await readFile(log, 'utf8')).slice(-2000);
    throw new Error(`workerd did not come up with ${main}:\n${output}`, { cause });
  }
  return {
    url,
    program,
    log,
    clearLog: () => truncate(log),
    stop: async () => {
      await program.stop();
    },
  };
}

function compatibility({ compatibilityDate, compatibilityFlags }: Runtime): string {
  const flags = compatibilityFlags.map(quote).join(', ');
  return `compatibilityDate = ${quote(compatibilityDate)}, compatibilityFlags = [${flags}]`;
}

/** Quotes a text for Cap'n Proto, whose escapes are those of JSON for every text that a variable can hold. */
function quote(text: string): string {
  return JSON.stringify(text);
}
