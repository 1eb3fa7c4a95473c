/** Shows proposed entries to people: a table of the images, and the entries as YAML that can be pasted. */
import { Document, isMap, isNode, isSeq } from 'yaml';
import { countOf } from '../engine/support/count-of.ts';
import { MAX_IMAGES, type MissLog } from '../misses/miss-log.ts';
import type { Proposal, ProposedEntry } from '../misses/proposal.ts';
import { alignColumns, type Style } from './style.ts';

export function describeProposal(proposal: Proposal, style: Style): string {
  const { entries, images } = proposal;
  const table = alignColumns([
    ['requests', 'image'].map((heading) => style.faint(heading)),
    ...images.map(({ image, requests }) => [String(requests), image]),
  ]);
  return [...table, '', ...commentsOn(proposal).map((comment) => `# ${comment}`), yamlOf(entries)].join('\n');
}

function commentsOn({ digestsOfTags }: Proposal): string[] {
  if (digestsOfTags === 0) return [];
  const digests = countOf(digestsOfTags, 'digest');
  return [
    `${digests} ${are(digestsOfTags)} left out: tags of the same repository were missed too, and probably meant ${them(digestsOfTags)}.`,
  ];
}

function yamlOf(entries: readonly ProposedEntry[]): string {
  const document = new Document({ images: entries.map((entry) => itemOf(entry)) });
  const list = document.get('images');
  if (isSeq(list)) {
    for (const item of list.items) if (isNode(item) && isMap(item)) item.flow = true;
  }
  return document.toString({ lineWidth: 0, singleQuote: true, flowCollectionPadding: false }).trimEnd();
}

/** An entry as people write it: the short form, if one tag or one digest is all that it has. */
function itemOf({ source, name, tags, digests }: ProposedEntry): object | string {
  const [tag] = tags;
  const [digest] = digests;
  if (name === undefined && tags.length + digests.length === 1) {
    return tag === undefined ? `${source}@${digest}` : `${source}:${tag}`;
  }
  return {
    source,
    ...(name !== undefined && { name }),
    ...(tags.length > 0 && { tags }),
    ...(digests.length > 0 && { digests }),
  };
}

/** Sentences about what the proposal leaves out, for standard error. */
export function notesOn({ unreadable, beyond }: MissLog, proposal: Proposal): string[] {
  const { selected, selectedByLatest, onDemand, digestsOfTags, referrerTags, ofLayouts, entries } = proposal;
  const notes: string[] = [];
  if (selected > 0) {
    notes.push(
      `${countOf(selected, 'image')} ${are(selected)} selected already: a run brings ${them(selected)}.`,
    );
  }
  if (selectedByLatest > 0) {
    notes.push(
      `${selectedByLatest} of them ${are(selectedByLatest)} selected by patterns with "latest", which may leave ${them(selectedByLatest)} out.`,
    );
  }
  if (onDemand > 0) {
    notes.push(
      `${countOf(onDemand, 'image')} ${are(onDemand)} allowed by onDemand: a job in a Worker mirrors ${them(onDemand)} when the edge has a queue.`,
    );
  }
  if (entries.length === 0 && digestsOfTags > 0) {
    const digests = countOf(digestsOfTags, 'digest');
    notes.push(
      `${digests} ${are(digestsOfTags)} left out, because tags of the same repository were missed too.`,
    );
  }
  if (referrerTags > 0) {
    const tags = countOf(referrerTags, 'tag');
    notes.push(
      `${tags} such as sha256-….sig ${are(referrerTags)} left out: a run mirrors ${them(referrerTags)} with the image.`,
    );
  }
  const [layoutImage] = ofLayouts;
  if (layoutImage !== undefined) {
    const images = countOf(ofLayouts.length, 'image');
    notes.push(
      `${images} ${are(ofLayouts.length)} served from an image layout, such as ${layoutImage}: put ${them(ofLayouts.length)} into the layout.`,
    );
  }
  if (unreadable > 0) {
    notes.push(
      `Ignored: ${countOf(unreadable, 'value')} of "miss" without the tag or the digest of an image.`,
    );
  }
  if (beyond > 0) {
    const most = MAX_IMAGES.toLocaleString('en-US');
    notes.push(
      `The log names more than ${most} images: ${countOf(beyond, 'request')} for further ones ${are(beyond)} left out. Use the log of a shorter time.`,
    );
  }
  return notes;
}

function are(count: number): string {
  return count === 1 ? 'is' : 'are';
}

function them(count: number): string {
  return count === 1 ? 'it' : 'them';
}
