/** `lifeboat rescue` brings an image that upstream has lost back into the bucket. */
import { NameInvalidError, formatReference, parseReference, type Reference } from '../../core/reference.ts';
import { withWritable } from '../assembly/bucket-access.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { rescueImage, type Provenance, type Rescued } from '../engine/rescue/rescue-image.ts';
import { SourceError } from '../engine/source.ts';
import { StoreError } from '../engine/store/store.ts';
import { MoveRefusedError, TagContendedError } from '../engine/tags/move-by-hand.ts';
import { currentActor } from '../runtime/node/actor.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { stopOnSignals } from '../terminal/interruption.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { shortDigest, styleFor } from '../terminal/style.ts';
import { findRepository } from './arguments/named-repository.ts';
import { parseReason } from './arguments/reason.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { openRescueSource, type RescueSource } from './rescue/rescue-source.ts';
import { admitImage } from './rescue/rewritten-image.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  from: { type: 'string' },
  rewritten: { type: 'boolean', default: false },
  reason: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const rescue: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat rescue IMAGE --from SOURCE [--rewritten] [--reason TEXT] [-c FILE] [--json]

Brings an image that upstream has lost back into the bucket, from what still has it. Every digest is
checked, also of the parts that the bucket still has: right ones are kept, and the others are
fetched. The tag's history says where the image came from.

IMAGE is the name under which the image is served, with a tag, a digest, or both: with a digest,
only that very image will do, and its tag moves to it; a held tag stays held. With a tag alone,
the source's image of that tag is taken; a tag that the bucket has at another digest is not moved.

SOURCE is one of:
  FILE.tar, DIR      an archive of "ctr images export", "docker save", "podman save" or "skopeo
                     copy", or an OCI layout in a folder
  docker://HOST/PATH[:TAG]  another registry, with the accounts and settings that the configuration
                     has for HOST. Without a tag, the image's own tag or digest is asked for
  mirror:URL         a mirror that containerd asks: a node's Spegel, or the edge of another site,
                     such as mirror:http://10.0.0.7:30020. It has the image under IMAGE's name
  bucket:FILE        the bucket of another configuration, in which the image has the same name

Archives in Docker's old format have no manifest, and mostly layers without compression. Their
digests cannot be those of the registry: the command names them and stops. With --rewritten it
serves them under the tag, as another image with the same files.

Options:
      --from SOURCE  what still has the image
      --rewritten    serve an image without its original manifest or layers, under the tag and with
                     other digests
      --reason TEXT  why: the history records it, and who rescued
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the result as JSON
  -h, --help         this help

Exit code:
  0  done, or done already
  1  the source or the store failed, or the source lacks a part of the image. No tag has moved
  2  the image, the source, the configuration or the command line is wrong, or the image is not the
     one that was named: nothing was moved

Examples:
  npx lifeboat rescue docker.io/library/nginx:1.27 --from nginx.tar
  npx lifeboat rescue docker.io/library/nginx@sha256:4c0f… --from docker://registry.internal/nginx
  npx lifeboat rescue docker.io/library/nginx:1.27 --from mirror:http://10.0.0.7:30020
  npx lifeboat rescue quay.io/org/app:v1 --from bucket:other-site.yaml --reason 'quay.io lost it'
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('rescue', args, OPTIONS);
    const [text, ...others] = positionals;
    if (text === undefined || others.length > 0) {
      throw new UsageError(`name one image, as in docker.io/library/nginx:1.27. ${seeHelp('rescue')}`);
    }
    if (values.from === undefined || values.from === '') {
      throw new UsageError(`say what still has the image: --from SOURCE. ${seeHelp('rescue')}`);
    }
    const reference = parseImage(text);
    if (reference.tag === undefined && reference.digest === undefined) {
      throw new UsageError(`"${text}" names neither a tag nor a digest. ${seeHelp('rescue')}`);
    }
    if (values.rewritten && reference.tag === undefined) {
      throw new UsageError(
        `--rewritten serves an image under a tag, and "${text}" names none. ${seeHelp('rescue')}`,
      );
    }
    const reason = parseReason(values.reason);
    return runRescue({ ...values, from: values.from, reference, reason }, session);
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

interface RescueOptions {
  readonly reference: Reference;
  readonly from: string;
  readonly rewritten: boolean;
  readonly reason: string | undefined;
  readonly config: string;
  readonly json: boolean;
}

/** @throws {UsageError} and {ConfigurationError} before anything is moved */
async function runRescue(options: RescueOptions, session: Session): Promise<number> {
  const { config, json } = options;
  const configuration = await loadConfiguration(config, session.env, {
    needsImages: false,
    cwd: session.cwd,
  });
  const repository = findRepository(configuration, options.reference);
  const reference = { ...options.reference, repository };
  const image = formatReference(reference);
  const progress = new Progress(session);
  using interruption = stopOnSignals(progress, session);
  const { signal } = interruption;
  const mayBePublic = configuration.images.some((entry) => entry.repository === repository && entry.public);
  try {
    const access = { configuration, progress, session, signal };
    const from = await openRescueSource(options.from, repository, access);
    const digest = reference.digest ?? from.digest;
    const { result, unseen } = await withWritable(
      config,
      configuration,
      { log: progress, variables: session.env, signal },
      async (environment, buckets) => {
        progress.start(environment.tally);
        try {
          return await rescueImage(environment, {
            name: configuration.name,
            repository,
            tag: reference.tag,
            digest,
            source: from.source,
            sourceTag: from.tag ?? reference.tag,
            unnamed: from.unnamed ?? [],
            buckets,
            mustBePublic: from.isRegistry && configuration.store.audience === 'public' && !mayBePublic,
            why: (provenance) => whyOf(options, from, provenance),
            by: currentActor(session.env),
            admit: async (one, isKnown) => {
              if (!from.isFile) return false;
              const { rewritten: mayBeRewritten } = options;
              return admitImage(from, one, { image: reference, isKnown, mayBeRewritten });
            },
          });
        } finally {
          progress.stop();
        }
      },
    );
    for (const { message } of result.findings) progress.warn(message);
    if (json) {
      const { isFromSource, isRewritten, ...rest } = result;
      const origin = isFromSource ? from.source.name : null;
      printJson({ image, from: origin, rewritten: isRewritten, ...rest }, session);
    } else printResult(result, (shown) => describe(image, from, shown, session), session);
    if (unseen === undefined) return 0;
    progress.warn(unseen);
    return 1;
  } catch (error) {
    if (error instanceof MoveRefusedError) throw new UsageError(error.message, { cause: error });
    const isExpected =
      error instanceof SourceError || error instanceof StoreError || error instanceof TagContendedError;
    if (!isExpected && !signal.aborted) throw error;
    progress.fail(`${image}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

/** A few words for the history. */
function whyOf(
  { reason }: RescueOptions,
  { source }: RescueSource,
  { isFromSource, isRewritten }: Provenance,
): string {
  const origin = isFromSource ? `from ${source.name}` : 'by what was already in the bucket';
  const how = isRewritten ? ', rewritten: its manifest is not the original one' : '';
  return `rescued ${origin}${how}${reason === undefined ? '' : `: ${reason}`}`;
}

function describe(
  image: string,
  { source }: RescueSource,
  { digest, platforms, outcome, hold, isFromSource }: Rescued,
  session: Session,
): string {
  const { good, faint } = styleFor(session.stdout, session.env);
  const only = platforms === undefined ? '' : `, only for ${platforms.join(', ')}`;
  const held = hold === undefined ? '' : `; it is held as before: ${hold}`;
  const origin = isFromSource ? ` from ${source.name}` : ', all of which was already in the bucket';
  const at = `${image} at ${shortDigest(digest)}${origin}${only}`;
  if (outcome === undefined) return `${good('rescued')} ${at}, by its digest`;
  if (outcome.result === 'moved')
    return `${good('rescued')} ${at}; the tag was at ${shortDigest(outcome.from)}${held}`;
  return outcome.result === 'created' ? `${good('rescued')} ${at}` : faint(`completed ${at}${held}`);
}
