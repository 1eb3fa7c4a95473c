/** `lifeboat revert`: a tag back to where it stood. What does the work is loaded only when there is work. */
import { parseOptions, seeHelp, type Command } from './command.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { parseImageArgument } from './arguments/image-argument.ts';
import { parseReason } from './arguments/reason.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION },
  to: { type: 'string' },
  reason: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const revert: Command = {
  name: 'revert',
  summary: 'Move a tag back to an earlier digest, and hold it there.',
  help: `Usage: lifeboat revert IMAGE:TAG [--to DIGEST] [--reason TEXT] [-c FILE] [--json]

Moves a tag back to the digest that it had before its last movement, and holds it there:
"lifeboat sync" still fetches what is new, but does not move the tag until somebody approves a
digest. The upstream is not asked. The same command a second time does not go back another step:
use --to to go back further.

IMAGE is the name under which the image is served, or the name of its source if the configuration
serves the image under another name.

Options:
      --to DIGEST    move the tag to this digest instead: in full, or as short as "lifeboat history
                     IMAGE:TAG" shows it. The digest has to be in the bucket
      --reason TEXT  why: the hold and the history record it, and the history records who reverted
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the result as JSON
  -h, --help         this help

Exit code:
  0  done, or done already; with several stores, done in those that are in step, and the next
     sync does the rest
  1  the store failed, a run was at work on the tag, or a store was left out that the edge asks
     before the changed one
  2  the tag, the digest, the configuration, the command line or this machine's clock is wrong:
     nothing was moved

Examples:
  npx lifeboat revert docker.io/library/nginx:1.27 --reason 'crashes on arm64'
  npx lifeboat revert docker.io/library/nginx:1.27 --to 4c0fdaa8b634
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('revert', args, OPTIONS);
    const { to, config, json } = values;
    const [text, ...others] = positionals;
    if (text === undefined || others.length > 0) {
      throw new UsageError(`name one tag, as in docker.io/library/nginx:1.27. ${seeHelp('revert')}`);
    }
    const reference = parseImageArgument(
      text,
      (image, digest) =>
        `Say where the tag goes back to with --to, as in "lifeboat revert ${image} --to ${digest}".`,
    );
    const reason = parseReason(values.reason);
    const { tag } = reference;
    if (tag === undefined) throw new UsageError(`"${text}" names no tag. ${seeHelp('revert')}`);
    const { runRevert } = await import('./revert-run.ts');
    return runRevert({ reference: { ...reference, tag }, to, reason, config, json }, session);
  },
};
