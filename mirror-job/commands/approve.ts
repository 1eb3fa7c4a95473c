/** `lifeboat approve`: tags to digests that somebody has looked at. What does the work is loaded only when there is work. */
import { parseOptions, seeHelp, type Command } from './command.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { parseReason } from './arguments/reason.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';

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

Moves each tag to its digest at once, whatever the tag's policy is, and ends the tag's hold: from
then on the policy decides again. The digest has to be in the bucket already: "lifeboat sync"
fetches it, and "lifeboat history IMAGE" shows the digests that wait. The upstream is not asked.
Every reference is checked before the first tag moves. A tag that needs no change is reported as
"unchanged".

IMAGE is the name under which the image is served, or the name of its source if the configuration
serves the image under another name.

Options:
      --file FILE    also approve the references in this file: one per line, # before a comment.
                     Keep the file in git and run this command after each merge. A line in the
                     file does not undo a "lifeboat revert" of the same digest; a reference on the
                     command line does
      --reason TEXT  why: the history records it, and who approved; also for an "unchanged" tag,
                     unless its reference comes from the file
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the result of each reference as JSON
  -h, --help         this help

Exit code:
  0  done, or done already; with several stores, done in those that are in step, and the next
     sync does the rest
  1  some tags could not be moved, and the others were; or a store was left out that the edge asks
     before the changed one
  2  a reference, the configuration, the store, the command line or this machine's clock is wrong:
     nothing was moved

Examples:
  npx lifeboat approve docker.io/library/nginx:1.27@sha256:4c0f…
  npx lifeboat approve --file approved.txt --reason "$(git log -1 --format=%h)"
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('approve', args, OPTIONS);
    const { file, config, json } = values;
    if (positionals.length === 0 && file === undefined) {
      throw new UsageError(`say what to approve: IMAGE:TAG@DIGEST, or --file FILE. ${seeHelp('approve')}`);
    }
    const reason = parseReason(values.reason);
    const { runApprove } = await import('./approve-run.ts');
    return runApprove({ references: positionals, file, reason, config, json }, session);
  },
};
