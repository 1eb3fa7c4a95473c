/** `lifeboat revert`: a tag back to where it stood. What does the work is loaded only when there is work. */
import { UsageError, parseOptions, seeHelp, type Command } from './command.ts';
import { parseImageArgument } from './tags/image-argument.ts';
import { parseReason } from './tags/reason.ts';
import { DEFAULT_CONFIGURATION } from './terminal/command-line.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION },
  to: { type: 'string' },
  reason: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const revert: Command = {
  name: 'revert',
  summary: 'Move a tag back to where it stood, and hold it there.',
  help: `Usage: lifeboat revert IMAGE:TAG [--to DIGEST] [--reason TEXT] [-c FILE] [--json]

Moves a tag back to where it stood before its last movement, and holds it there: "lifeboat sync"
goes on fetching what is new and does not move it until somebody approves a digest. Nothing is
asked of upstream. Twice the same command is not two steps back: --to goes further.

IMAGE is named by where it is served or, as the configuration maps it, where it comes from.

Options:
      --to DIGEST    where to instead: what "lifeboat history IMAGE:TAG" shows, in full or as short
                     as it does. It has to be in the bucket
      --reason TEXT  why, for the hold, and for the history, which says who reverted too
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print what became of it as JSON
  -h, --help         this help

Exit code:
  0  done, or done already; of several stores, in those that are in step: sync does the rest
  1  the store failed, a run was at work on the tag, or a store that the edge asks
     earlier was left out
  2  the tag, the digest, the configuration or the command line is wrong: nothing was moved

Examples:
  npx lifeboat revert docker.io/library/nginx:1.27 --reason 'crashes on arm64'
  npx lifeboat revert docker.io/library/nginx:1.27 --to 4c0fdaa8b634
`,
  async run(args, commandLine) {
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
    return runRevert({ reference: { ...reference, tag }, to, reason, config, json }, commandLine);
  },
};
