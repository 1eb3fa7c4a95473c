/** A machine beside the Worker: a folder with a lifeboat.yaml, in which people run the commands. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NOBODYS } from '../../support/nobody.ts';
import { runProgram, type Finished } from '../../support/process.ts';
import { bundledJob } from '../../support/shared.ts';
import type { JobStore } from './job-on-network.ts';

export class Machine {
  readonly #main: string;
  readonly #folder: string;
  readonly #store: JobStore;

  private constructor(main: string, folder: string, store: JobStore) {
    this.#main = main;
    this.#folder = folder;
    this.#store = store;
  }

  /** @param store the bucket, as this machine reaches it */
  static async start(store: JobStore): Promise<Machine> {
    return new Machine(await bundledJob(), await mkdtemp(join(tmpdir(), 'lifeboat-machine-')), store);
  }

  /** @returns lifeboat.yaml for this machine, which a Worker can use too */
  configurationOf(mirrored: Readonly<Record<string, unknown>>): string {
    const { bucket, region, prefix } = this.#store;
    const store = {
      endpoint: '${S3_ENDPOINT}',
      bucket,
      region,
      accessKeyId: '${S3_ACCESS_KEY_ID}',
      secretAccessKey: '${S3_SECRET_ACCESS_KEY}',
      prefix,
    };
    return JSON.stringify({ store, ...mirrored });
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(join(this.#folder, file), text);
  }

  async read(file: string): Promise<string> {
    return readFile(join(this.#folder, file), 'utf8');
  }

  lifeboat(...args: readonly string[]): Promise<Finished> {
    const { endpoint, accessKeyId, secretAccessKey } = this.#store;
    const env = {
      ...NOBODYS,
      DOCKER_CONFIG: this.#folder,
      S3_ENDPOINT: endpoint,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
    };
    return runProgram(process.execPath, [this.#main, ...args], { cwd: this.#folder, timeout: 60_000, env });
  }

  /** @returns what `lifeboat history` says of one tag, with the number of its movements */
  async tagStatus(image: string): Promise<object> {
    const { code, stdout, stderr } = await this.lifeboat('history', image, '--json');
    if (code !== 0) throw new Error(stderr);
    const { tags, movements }: { tags: readonly unknown[]; movements: readonly unknown[] } =
      JSON.parse(stdout);
    return { ...Object(tags[0]), movements: movements.length };
  }

  async stop(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
