/** `lifeboat export`: images of the bucket into an OCI layout. What does the work is loaded only when there is work. */
import { access, constants, lstat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NameInvalidError, parseReference, type Reference } from '../../core/reference.ts';
import { codeOf, parseOptions, seeHelp, type Command } from './command.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { followOwnLinks, ForeignFileError } from './own-links.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION },
  to: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const exportCommand: Command = {
  name: 'export',
  summary: 'Write images of the bucket into an OCI layout, a folder or a tar.',
  help: `Usage: lifeboat export IMAGE… --to DIR|FILE.tar [-c FILE] [--json]

Writes images that are in the bucket into an OCI image layout, for a place without a network:
every platform that the bucket has, and their signatures, SBOMs and attestations. The
upstream is not asked. Every digest is checked, and the layout gets its name only when it is
complete.

IMAGE is docker.io/library/alpine:3.20, docker.io/library/alpine@sha256:… (a tag before the @
is ignored), or docker.io/library/alpine for all its tags: the name under which the image is
served, or the name of its source.
If all images are of one repository, the layout names them by their tags. If they are of several
repositories, the layout names them by their whole references.

Options:
      --to PATH      where to write; a name that ends in .tar is a tar, any other one a folder.
                     It must not exist yet
  -c, --config FILE  the configuration, for its store (default: lifeboat.yaml)
      --json         print what was written as JSON
  -h, --help         this help

Exit code:
  0  done
  1  an image is not in the bucket, or only a part of it is: nothing was written
  2  the configuration, the store or the command line is wrong, and nothing was written

Examples:
  npx lifeboat export docker.io/library/alpine:3.20 --to alpine.tar
  skopeo copy --all oci-archive:alpine.tar:3.20 docker://registry.internal/alpine:3.20

  npx lifeboat export docker.io/library/alpine ghcr.io/org/app:v1 --to images.tar
  # and in the other place, in lifeboat.yaml:
  #   - { source: 'oci:./images.tar', name: docker.io/library/alpine, tags: ['*'] }
  #   - { source: 'oci:./images.tar', name: ghcr.io/org/app, tags: ['*'] }
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('export', args, OPTIONS);
    const { to, config, json } = values;
    if (positionals.length === 0) throw new UsageError(`name at least one image. ${seeHelp('export')}`);
    if (to === undefined) {
      throw new UsageError(`say where to write: --to DIR or --to FILE.tar. ${seeHelp('export')}`);
    }
    const references = positionals.map((text) => parseImage(text));
    await refuseTarget(to, session.cwd);
    const { runExport } = await import('./export-run.ts');
    return runExport({ references, to: resolve(session.cwd, to), config, json }, session);
  },
};

/** @throws {UsageError} */
function parseImage(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof NameInvalidError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** An export may take long: that it has nowhere to go is said before. @throws {UsageError} */
async function refuseTarget(to: string, cwd: string): Promise<void> {
  if (to === '') throw new UsageError('--to names neither a folder nor a file.');
  if (/\.(?:tgz|tar\.\w+)$/.test(to)) {
    throw new UsageError(
      `--to ${to}: a layout is not compressed, because its layers already are. End the name in .tar.`,
    );
  }
  if ((await lstat(resolve(cwd, to)).catch(() => undefined)) !== undefined) {
    throw new UsageError(`--to ${to}: it exists already. Remove it, or give another name.`);
  }
  try {
    await access(`${await followOwnLinks(dirname(resolve(cwd, to)))}/`, constants.W_OK);
  } catch (error) {
    const refusal = `--to ${to}: it cannot be written`;
    if (error instanceof ForeignFileError) {
      const advice = 'Name a place in a directory where nobody else may write.';
      throw new UsageError(`${refusal} (${error.message}). ${advice}`, { cause: error });
    }
    throw new UsageError(
      `${refusal} (${codeOf(error)}). Its directory has to exist, and this user has to be allowed to write in it.`,
      { cause: error },
    );
  }
}
