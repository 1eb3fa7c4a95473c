/** `lifeboat verify` checks the bucket against its own promise, and mends it. */
import { parseSize, SizeInvalidError } from '../configuration/size.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { parsePushUrl } from './output/metrics-push.ts';
import { runVerify } from './verify/verify-run.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  deep: { type: 'boolean', default: false },
  budget: { type: 'string' },
  upstream: { type: 'boolean', default: false },
  repair: { type: 'boolean', default: false },
  metrics: { type: 'string', takes: 'file' },
  'metrics-push': { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const verify: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat verify [--deep [--budget SIZE]] [--repair] [--upstream] [-c FILE]
                       [--metrics FILE] [--metrics-push URL] [--json]

Checks that the bucket holds what it promises. Everything that a tag, a pin or a digest that waits
for a decision needs has to be there: its manifests, their layers with the right sizes, the links
through which a repository serves them, and its signatures and SBOMs. Lists of tags, indexes,
lists of referrers, catalogues and descriptions have to say what the tags say. Keys that Lifeboat
does not know are reported. Of several stores, each is checked by itself, and then they are
compared: what one lacks counts if another one needs it. It says which images cannot be pulled
because of what is wrong, and what mends it.

Without --deep it reads lists and small objects alone: it finds a layer that is missing or has
another size, but not one whose bytes have changed. Without --repair it writes nothing, except
how far --deep has come.

Options:
      --deep         also hash the bytes of every layer. It goes on where the last run has stopped,
                     so that the layer whose last check is the oldest comes next
      --budget SIZE  with --deep: stop after so many bytes of each store, such as 100GB. The next
                     run goes on
      --repair       fetch what is missing or damaged again, from another store or from upstream,
                     and make lists anew. Each object is looked at again before it is written, so
                     that right bytes are never replaced. Keys that are not Lifeboat's stay. It
                     names the digests that may have lost their pin with an index
      --upstream     also say which tags upstream has otherwise by now. That is no damage: it sends
                     what "lifeboat plan" sends, and the next sync decides. It changes no exit code
      --metrics FILE write metrics for Prometheus' node exporter to FILE
      --metrics-push URL  send the metrics to the Prometheus Pushgateway at URL
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the result as JSON
  -h, --help         this help

Exit code:
  0  whole, as far as it was looked at; with --repair, whole now
  1  not known: a store, or a part of it, could not be read, or a sweep of prune has not come to its
     end. Or the check was interrupted
  2  the configuration or the command line is wrong, and nothing was touched
  3  something is wrong, and was not repaired

Examples:
  npx lifeboat verify
  npx lifeboat verify --deep --budget 100GB --metrics /var/lib/node_exporter/lifeboat-verify.prom
  npx lifeboat verify --repair
  npx lifeboat verify --json | jq -r '.stores[].problems[].images[]' | sort -u
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('verify', args, OPTIONS);
    if (positionals.length > 0) {
      throw new UsageError(`verify checks the whole bucket and takes no images. ${seeHelp('verify')}`);
    }
    if (values.budget !== undefined && !values.deep) {
      throw new UsageError(`--budget bounds what --deep hashes: use it with --deep. ${seeHelp('verify')}`);
    }
    const budgetBytes = values.budget === undefined ? undefined : parseBudget(values.budget);
    const push = values['metrics-push'];
    const gateway = push === undefined ? undefined : parsePushUrl(push, 'verify');
    return runVerify({ ...values, budgetBytes, gateway }, session);
  },
};

/** @throws {UsageError} */
function parseBudget(text: string): number {
  try {
    const bytes = parseSize(text);
    if (bytes > 0) return bytes;
  } catch (error) {
    if (!(error instanceof SizeInvalidError)) throw error;
    throw new UsageError(`--budget ${text}: it ${error.message}`, { cause: error });
  }
  throw new UsageError(`--budget ${text}: nothing would be hashed. Give a size such as 100GB.`);
}
