/** `lifeboat approve`: tags to digests that somebody has looked at. What does the work is loaded only when there is work. */
import { UsageError, parseOptions, seeHelp, type Command } from './command.ts';
import { parseReason } from './tags/reason.ts';
import { DEFAULT_CONFIGURATION } from './terminal/command-line.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION },
  file: { type: 'string' },
  reason: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const approve: Command = {
  name: 'approve',
  summary: 'Move tags to digests that were looked at, and end their holds.',
  help: `Usage: lifeboat approve IMAGE:TAG@DIGEST… [--file FILE] [--reason TEXT] [-c FILE] [--json]

Moves each tag to the digest at once, whatever its policy, and ends its hold: from then on its
policy decides again. The digest has to be in the bucket, where "lifeboat sync" has fetched it;
"lifeboat history IMAGE" shows what waits. Nothing is asked of upstream. Everything is checked
before the first tag moves, and what is done already says "unchanged".

IMAGE is named by where it is served or, as the configuration maps it, where it comes from.

Options:
      --file FILE    approve also what this file lists: a reference a line, # before a comment.
                     Keep it in git and run this after each merge. A line does not undo a
                     "lifeboat revert" of its very digest; the command line does
      --reason TEXT  why, for the history, which says who approved too. Not recorded for what is
                     "unchanged", because nothing is written there
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print what became of each as JSON
  -h, --help         this help

Exit code:
  0  done, or done already; of several stores, in those that are in step: sync does the rest
  1  some of it could not be moved, the rest was; or a store that the edge asks earlier was left out
  2  a reference, the configuration, the store or the command line is wrong: nothing was moved

Examples:
  npx lifeboat approve docker.io/library/nginx:1.27@sha256:4c0f…
  npx lifeboat approve --file approved.txt --reason "$(git log -1 --format=%h)"
`,
  async run(args, commandLine) {
    const { values, positionals } = parseOptions('approve', args, OPTIONS);
    const { file, config, json } = values;
    if (positionals.length === 0 && file === undefined) {
      throw new UsageError(`say what to approve: IMAGE:TAG@DIGEST, or --file FILE. ${seeHelp('approve')}`);
    }
    const reason = parseReason(values.reason);
    const { runApprove } = await import('./approve-run.ts');
    return runApprove({ references: positionals, file, reason, config, json }, commandLine);
  },
};
