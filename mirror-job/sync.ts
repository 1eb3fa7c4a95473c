/** `lifeboat sync`: one mirror run. What does the work is loaded only when there is work. */
import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UsageError, codeOf, parseOptions, seeHelp, type Command } from './command.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: 'lifeboat.yaml' },
  report: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const sync: Command = {
  name: 'sync',
  summary: 'Mirror what lifeboat.yaml lists into the bucket, once.',
  help: `Usage: lifeboat sync [-c FILE] [--report FILE] [--json]

Mirrors every image that the configuration lists: new and moved tags are copied with all
they need, and become visible only then. What has not changed costs one HEAD request a tag.
A run may be stopped or killed at any moment; the next one goes on from there.

Options:
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --report FILE  also write the run's report there, as JSON
      --json         print the report on standard output instead of the summary
  -h, --help         this help

Environment:
  what the configuration reads with \${NAME}; NO_COLOR=1 for no colours

Exit code:
  0  done
  1  some of it failed or was interrupted; the rest was done
  2  the configuration, the store or the command line is wrong, and nothing was mirrored

Examples:
  npx lifeboat sync
  npx lifeboat sync -c /etc/lifeboat/lifeboat.yaml --report /var/lib/lifeboat/report.json
  npx lifeboat sync --json | jq -r '.items[] | select(.outcome.result == "failed")'
`,
  async run(args) {
    const { values, positionals } = parseOptions('sync', args, OPTIONS);
    const [image] = positionals;
    if (image !== undefined) {
      throw new UsageError(
        `"${image}": choosing images on the command line is not built yet. List it under images in the configuration. ${seeHelp('sync')}`,
      );
    }
    if (values.report !== undefined) await refuseUnwritable(values.report);
    const { runSync } = await import('./sync-run.ts');
    return runSync(values);
  },
};

/** A run may take hours: that its report has nowhere to go is said before. @throws {UsageError} */
async function refuseUnwritable(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  try {
    // The slash: a directory, not a file that happens to be there.
    await access(found === undefined ? `${dirname(file)}/` : file, constants.W_OK);
  } catch (error) {
    throw new UsageError(
      `--report ${file}: it cannot be written (${codeOf(error)}). Its directory has to exist, and this user to write there.`,
      { cause: error },
    );
  }
  if (found?.isDirectory() === true)
    throw new UsageError(`--report ${file}: this is a directory. Name a file.`);
}
