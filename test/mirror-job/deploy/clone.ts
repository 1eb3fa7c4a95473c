/** A folder that stands for a clone of Lifeboat, with the stand-in for wrangler in it. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { COMPILE_CACHE } from '../../support/process.ts';
import { emptyAccount, type Account } from '../../support/wrangler-stand-in.ts';
import { createIo, runMain, type Ended, type TestIo } from '../support/io.ts';

const PROJECT = join(import.meta.dirname, '../../..');
const STAND_IN = pathToFileURL(join(PROJECT, 'test/support/wrangler-stand-in.ts')).href;
const EXAMPLES = ['wrangler.deploy.example.toml', 'mirror-job/wrangler.deploy.example.toml'];

/** A command that looks, and changes nothing. */
const LOOKS =
  /^(?:whoami|r2 bucket info|r2 bucket list|r2 object get|queues info|secret list|deployments|versions)\b/;

export class Clone {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param configuration the text of lifeboat.yaml */
  static async make(configuration: string, account: Partial<Account> = {}): Promise<Clone> {
    const clone = new Clone(await mkdtemp(join(tmpdir(), 'lifeboat-deploy-')));
    await clone.write('lifeboat.yaml', configuration);
    for (const file of EXAMPLES) {
      await mkdir(dirname(join(clone.folder, file)), { recursive: true });
      await copyFile(join(PROJECT, file), join(clone.folder, file));
    }
    await clone.write('core/a.ts', '');
    await clone.write('worker/a.ts', '');
    await clone.write('package-lock.json', '{}');
    await clone.save({ ...emptyAccount(), ...account });
    const start = `import { runStandIn } from '${STAND_IN}';\nawait runStandIn('${clone.#account}');\n`;
    await clone.write('node_modules/wrangler/package.json', '{"type":"module"}');
    await clone.write('node_modules/wrangler/bin/wrangler.js', start);
    return clone;
  }

  get #account(): string {
    return join(this.folder, 'account.json');
  }

  async write(file: string, text: string): Promise<void> {
    const path = join(this.folder, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  read(file: string): Promise<string> {
    return readFile(join(this.folder, file), 'utf8');
  }

  async account(): Promise<Account> {
    const account: Account = JSON.parse(await readFile(this.#account, 'utf8'));
    return account;
  }

  async save(account: Account): Promise<void> {
    await writeFile(this.#account, JSON.stringify(account));
  }

  /** Changes the account, and forgets the calls. */
  async set(change: Partial<Account>): Promise<void> {
    const { fault: _, ...account } = await this.account();
    await this.save({ ...account, calls: [], ...change });
  }

  /** The commands that change something, in their order. */
  async changes(): Promise<string[]> {
    const { calls } = await this.account();
    return calls.map(({ args }) => args.join(' ')).filter((call) => !LOOKS.test(call));
  }

  io(options: NonNullable<Parameters<typeof createIo>[0]> = {}): TestIo {
    return createIo({
      cwd: this.folder,
      program: 'npx lifeboat',
      ...options,
      env: { ...COMPILE_CACHE, ...options.env },
    });
  }

  deploy(args: readonly string[], io = this.io()): Promise<Ended> {
    return runMain(['deploy', ...args], io);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
