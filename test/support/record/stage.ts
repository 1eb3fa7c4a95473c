/** The parts that every scenario gets: the checkout that is recorded, and a recorder for everything that happens. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProxyOptions } from '../counting-proxy.ts';
import { CommandLine } from './command-line.ts';
import type { Recorder } from './recording.ts';
import type { Buckets, RecordedBucket } from './store.ts';

export interface Stage {
  readonly recorder: Recorder;
  /** The checkout whose commands and edge are recorded. */
  readonly tree: string;
  /** Opens an empty bucket, which has this name in the recording. */
  openBucket(name: string, options?: Omit<ProxyOptions, 'target'>): Promise<RecordedBucket>;
  /** Makes a command line in an empty folder of its own. */
  readonly commandLine: (name: string) => Promise<CommandLine>;
}

export type Scenario = (stage: Stage) => Promise<void>;

/** @param root the folder for the folders of all scenarios */
export function stageOf(recorder: Recorder, tree: string, buckets: Buckets, root: string): Stage {
  return {
    recorder,
    tree,
    openBucket: async (name, options) => buckets.open(recorder, name, options),
    commandLine: async (name) => {
      const folder = join(root, name);
      await mkdir(folder);
      return new CommandLine({ recorder, tree, folder });
    },
  };
}
