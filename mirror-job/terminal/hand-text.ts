/** Describes the outcome for a tag that was moved by hand, in sentences with the next step. */
import type { HandOutcome } from '../engine/tags/move-by-hand.ts';
import type { CommandLine } from './command-line.ts';
import { shortDigest, type Style } from './style.ts';

/**
 * @param image as `<repository>:<tag>`
 * @param wanted the digest that was to be approved
 */
export function describeApproval(
  image: string,
  wanted: string,
  outcome: HandOutcome,
  { good, faint }: Style,
  commandLine: CommandLine,
): string {
  const at = shortDigest(outcome.digest);
  switch (outcome.result) {
    case 'created':
      return `${good('created')} ${image} at ${at} (approved)`;
    case 'moved':
      return `${good('moved')} ${image} from ${shortDigest(outcome.from)} to ${at} (approved)`;
    case 'released':
      return `${good('released')} ${image} at ${at} (approved): its policy decides again`;
    case 'unchanged':
      return faint(`unchanged ${image} is at ${at}${outcome.recorded === true ? ' (reason recorded)' : ''}`);
    case 'held': {
      const sentence =
        wanted === outcome.digest
          ? `held ${image} is at ${at}, as listed, and stays held: "${outcome.hold}". To let its policy decide again, approve it on the command line:`
          : `held ${image} stays at ${at}: the list names ${shortDigest(wanted)}, which the tag left when it was "${outcome.hold}". Take that line off the list, or approve the digest on the command line:`;
      return `${sentence}\n  ${commandLine.for(`approve ${image}@${wanted}`)}`;
    }
  }
}

/** @param image as `<repository>:<tag>` */
export function describeReversion(
  image: string,
  outcome: HandOutcome,
  { good, faint }: Style,
  commandLine: CommandLine,
): string {
  const at = shortDigest(outcome.digest);
  switch (outcome.result) {
    case 'moved':
      return `${good('moved')} ${image} from ${shortDigest(outcome.from)} to ${at} (reverted)
The tag is held there: a sync fetches what is new and does not move the tag. To let it go forward again:
  ${commandLine.for(`approve ${image}@${outcome.from}`)}`;
    case 'held':
      return `${good('held')} ${image} at ${at}: "${outcome.hold}". It stays there until a digest is approved`;
    case 'unchanged':
      return `${faint('unchanged')} ${image} is at ${at} and held already. To go further back: --to DIGEST ("lifeboat history ${image}" shows where it stood)`;
    case 'created':
    case 'released':
      return `${outcome.result} ${image} at ${at}`;
  }
}
