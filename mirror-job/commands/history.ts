/** `lifeboat history`: where tags stood, and what waits. What does the work is loaded only when there is work. */
import { parseOptions, seeHelp, type Command } from './command.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { parseImageArgument } from './arguments/image-argument.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION },
  limit: { type: 'string', default: '20' },
  json: { type: 'boolean', default: false },
} as const;

export const history: Command = {
  name: 'history',
  summary: 'Show when tags moved and why, which tags are held, and which digests wait.',
  help: `Usage: lifeboat history IMAGE[:TAG] [--limit N] [-c FILE] [--json]

Shows the newest movements of a tag, or of all tags of an image: when, from where, to where, why
and by which run or person. Then it shows the tags that are held or have newer digests that wait,
with the command that approves them. "not carried out" marks a movement that was begun but did not
happen, because its run died or another run came first. The upstream is not asked, and nothing is
written.

IMAGE is the name under which the image is served, or the name of its source if the configuration
serves the image under another name.

Options:
      --limit N      the most movements to show (default: 20)
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the history as JSON, with whole digests
  -h, --help         this help

Exit code:
  0  done
  1  the bucket has nothing under that name, or the bucket failed
  2  the configuration, the store or the command line is wrong

Examples:
  npx lifeboat history docker.io/library/nginx:1.27
  npx lifeboat history docker.io/library/nginx --json | jq -r '.tags[] | select(.hold)'
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('history', args, OPTIONS);
    const [text, ...others] = positionals;
    if (text === undefined || others.length > 0) {
      throw new UsageError(`name one image, as in docker.io/library/nginx:1.27. ${seeHelp('history')}`);
    }
    if (!/^[1-9]\d{0,5}$/.test(values.limit)) {
      throw new UsageError(`--limit ${values.limit}: it has to be a number from 1 to 999999.`);
    }
    const reference = parseImageArgument(
      text,
      (image) => `Only tags have a history: leave the digest out, as in "lifeboat history ${image}".`,
    );
    const { runHistory } = await import('./history-run.ts');
    return runHistory(
      { reference, limit: Number(values.limit), config: values.config, json: values.json },
      session,
    );
  },
};
