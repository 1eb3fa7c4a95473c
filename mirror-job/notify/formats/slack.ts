/**
 * The message for an incoming webhook of Slack, in blocks. Texts from outside stand only in elements of rich text, whose texts
 * are shown as they are: no character in them is markup, a mention or a link.
 * https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
 */
import { wordsOf, type Message, type Section } from '../message.ts';

/** Slack's limits are 150 and 3,000 characters. */
const MAX_HEADER_CHARACTERS = 150;
const MAX_BLOCK_CHARACTERS = 2800;

interface TextElement {
  readonly type: 'text';
  readonly text: string;
  readonly style?: { readonly bold?: true; readonly code?: true };
}

type Line = readonly TextElement[];

export function formatSlackMessage({ headline, sections, next }: Message): unknown {
  return {
    // For notifications, and for servers that take Slack's webhooks and show no blocks.
    text: escaped(`${headline}. ${next}`),
    blocks: [
      {
        type: 'header',
        text: { type: 'plain_text', text: headline.slice(0, MAX_HEADER_CHARACTERS), emoji: false },
      },
      ...sections.flatMap(blocksOf),
      richText([sectionOf([{ type: 'text', text: next }])]),
    ],
  };
}

function blocksOf({ title, lines, more }: Section): unknown[] {
  const rows: Line[] = lines.map((line): Line => {
    const words = wordsOf(line);
    return [
      { type: 'text', text: line.name, style: { code: true } },
      ...(words === '' ? [] : [{ type: 'text' as const, text: ` ${words}` }]),
    ];
  });
  if (more > 0) rows.push([{ type: 'text', text: `… and ${more} more` }]);
  const [first = [], ...others] = chunksOf(rows);
  return [
    richText([sectionOf([{ type: 'text', text: title, style: { bold: true } }]), ...listOf(first)]),
    ...others.map((chunk) => richText(listOf(chunk))),
  ];
}

function chunksOf(rows: readonly Line[]): Line[][] {
  const chunks: Line[][] = [];
  let left = 0;
  for (const row of rows) {
    const length = row.reduce((sum, { text }) => sum + text.length, 0);
    if (length > left) {
      chunks.push([]);
      left = MAX_BLOCK_CHARACTERS;
    }
    chunks.at(-1)?.push(row);
    left -= length;
  }
  return chunks;
}

function richText(elements: readonly unknown[]): unknown {
  return { type: 'rich_text', elements };
}

function sectionOf(elements: Line): unknown {
  return { type: 'rich_text_section', elements };
}

function listOf(rows: readonly Line[]): unknown[] {
  return rows.length === 0
    ? []
    : [{ type: 'rich_text_list', style: 'bullet', elements: rows.map((row) => sectionOf(row)) }];
}

/** The three characters that are markup in Slack's own texts. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
