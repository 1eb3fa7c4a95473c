/** The fixture of tests that give real clients the files of `lifeboat clients`: a mirrored image, and a new folder for each test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { startMirroredApp, type MirroredApp } from './mirrored-app.ts';

export interface ClientFiles {
  readonly app: MirroredApp;
  /** Empty at the beginning of each test. */
  readonly folder: string;
  /** Stops a client at the end of its test. @returns it */
  readonly use: <Client extends { stop(): Promise<void> }>(client: Client) => Client;
}

/**
 * Call it once, outside of tests. Its values are there while a test runs.
 * @param address of the edge; by default that of this machine alone
 */
export function prepareClientFiles(address?: () => string): ClientFiles {
  let app: MirroredApp | undefined;
  let folder: string | undefined;
  const clients: { stop(): Promise<void> }[] = [];
  beforeAll(async () => {
    app = await startMirroredApp(address?.());
  });
  beforeEach(async () => {
    app?.edge.reset();
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-clients-'));
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.stop();
    if (folder !== undefined) await rm(folder, { recursive: true });
    folder = undefined;
  });
  afterAll(async () => {
    await app?.stop();
  });
  return {
    get app() {
      return present(app);
    },
    get folder() {
      return present(folder);
    },
    use(client) {
      clients.push(client);
      return client;
    },
  };
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('The fixture is used outside of a test.');
  return value;
}
