/** Puts news into a message of bounded size, whose texts are safe to show. The formats write it. Pure. */
import { printable } from '../../core/printable.ts';
import type { NotifyEvent } from '../configuration/configuration.ts';
import type { News, NewsLine } from './news.ts';

/** The most lines of a section. The others are counted. */
const MAX_LINES = 10;
/** The bytes of all lines as JSON, so that a message of any format is below the 28 KB of Teams, and the 13,000 characters of Slack. */
const MAX_LINE_BYTES = 8000;
const MAX_NAME_CHARACTERS = 300;
/** How long a line's text may be. A shorter one is tried if the line does not fit. */
const TEXT_CHARACTERS = [500, 240, 100];

export interface Section {
  readonly event: NotifyEvent;
  readonly state: News['state'];
  readonly title: string;
  readonly count: number;
  readonly lines: readonly Pick<NewsLine, 'name' | 'text' | 'since'>[];
  /** How many of `count` have no line. */
  readonly more: number;
}

/** The run that a message is about. */
export interface RunSummary {
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly begun: string;
  readonly ended: string;
  readonly exitCode: number;
  readonly counts: Readonly<Record<string, number>>;
}

export interface Message {
  readonly type: 'lifeboat.run' | 'lifeboat.not-begun' | 'lifeboat.test';
  /** The configuration's name. */
  readonly mirror: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** One line without any text from outside. */
  readonly headline: string;
  readonly run?: RunSummary;
  readonly sections: readonly Section[];
  /** A sentence with the next step. */
  readonly next: string;
}

const WORDS: Readonly<Record<News['state'], Readonly<Record<NotifyEvent, string>>>> = {
  new: {
    failed: 'failed',
    stale: 'stale: no run could look at it for long',
    finding: 'to look at: a finding',
    held: 'held: upstream moved the tag, and the mirror does not follow',
    moved: 'moved with upstream',
  },
  lasting: {
    failed: 'still failing',
    stale: 'still stale',
    finding: 'still to look at: a finding',
    held: 'still held',
    moved: 'moved with upstream',
  },
  ended: {
    failed: 'resolved: no longer failing',
    stale: 'resolved: no longer stale',
    finding: 'resolved: no longer found',
    held: 'no longer held',
    moved: 'moved with upstream',
  },
};

/** @param hide takes secrets out of a text */
export function sectionsOf(news: readonly News[], hide: (text: string) => string): readonly Section[] {
  const bytesEach = MAX_LINE_BYTES / Math.max(1, news.length);
  return news.map(({ event, state, lines }) => {
    const count = lines.reduce((sum, line) => sum + line.count, 0);
    const shown: Section['lines'][number][] = [];
    let told = 0;
    let bytes = 0;
    for (const line of lines.slice(0, MAX_LINES)) {
      const safe = fitting(line, bytesEach - bytes, hide);
      if (safe === undefined) break;
      shown.push(safe);
      told += line.count;
      bytes += bytesOf(safe);
    }
    return {
      event,
      state,
      title: `${count} ${WORDS[state][event]}`,
      count,
      lines: shown,
      more: count - told,
    };
  });
}

export function headlineOf(mirror: string, sections: readonly Section[]): string {
  const parts = sections.map(({ title }) => title.replace(/:.*|, .*/, ''));
  return `Lifeboat mirror ${mirror}: ${parts.join(', ')}`;
}

/** @returns undefined for a line that is too long even if it is shortened */
function fitting(
  { name, text, since }: NewsLine,
  bytes: number,
  hide: (text: string) => string,
): Section['lines'][number] | undefined {
  const safe = (value: string, most: number): string => printable(shortened(hide(value), most));
  for (const most of TEXT_CHARACTERS) {
    const line = {
      name: safe(name, MAX_NAME_CHARACTERS),
      text: safe(text, most),
      ...(since !== undefined && { since }),
    };
    if (bytesOf(line) <= bytes) return line;
  }
  return undefined;
}

/** The end stays, because advice stands at the end of a sentence. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = Math.floor(most / 3);
  return `${text.slice(0, most - end - 3)} … ${text.slice(-end)}`;
}

function bytesOf(value: object): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** A line in words, for formats that people read. */
export function wordsOf({ text, since }: Section['lines'][number]): string {
  const parts = [text, since === undefined ? '' : `(since ${since.slice(0, 16).replace('T', ' ')} UTC)`];
  return parts.filter((part) => part !== '').join(' ');
}
