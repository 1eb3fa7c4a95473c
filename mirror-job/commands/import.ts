/** `lifeboat import`: another tool's configuration as a lifeboat.yaml. What does the work is loaded when there is work. */
import { parseOptions, seeHelp, type Command } from './command.ts';
import { UsageError } from '../configuration/usage-error.ts';

const OPTIONS = {
  output: { type: 'string', short: 'o', default: 'lifeboat.yaml' },
  force: { type: 'boolean', default: false },
} as const;

export const importCommand: Command = {
  name: 'import',
  summary: "Write a lifeboat.yaml from another tool's configuration.",
  help: `Usage: lifeboat import FILE [-o lifeboat.yaml] [--force]

Reads a configuration of regsync, a list of skopeo sync (--src yaml), or an
ImageSetConfiguration of oc-mirror, whichever FILE is, and writes a lifeboat.yaml that mirrors
the same images. Each entry says where it came from. A setting that has no place in lifeboat.yaml
is listed with its line and the reason. No registry is asked. No password is copied: a variable
takes its place.

Options:
  -o, --output FILE  where to write; - is standard output (default: lifeboat.yaml)
      --force        replace the file, if it exists
  -h, --help         this help

Exit code:
  0  everything was carried
  1  something was not carried; the rest was written
  2  FILE cannot be read, the output exists, or the command line is wrong; nothing was written

Examples:
  npx lifeboat import regsync.yml
  npx lifeboat import sync.yaml -o - | less
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('import', args, OPTIONS);
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) {
      throw new UsageError(`name one file to read. ${seeHelp('import')}`);
    }
    const { runImport } = await import('./import-run.ts');
    return runImport({ file, ...values }, session);
  },
};
