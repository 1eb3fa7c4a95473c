/**
 * The message for a webhook of Teams' Workflows: an Adaptive Card. Texts stand in runs of rich text, which have no Markdown,
 * and not in text blocks, which have.
 * https://adaptivecards.io/explorer/TextRun.html
 */
import { wordsOf, type Message, type Section } from '../message.ts';

/** The oldest version that has all that is used here, and that Teams shows everywhere. */
const VERSION = '1.4';

export function formatTeamsMessage({ headline, sections, next }: Message): unknown {
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: VERSION,
    msteams: { width: 'Full' },
    body: [
      blockOf([runOf(headline, { weight: 'Bolder', size: 'Medium' })]),
      ...sections.flatMap(blocksOf),
      blockOf([runOf(next, { isSubtle: true })], true),
    ],
  };
  const card = { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content };
  return { type: 'message', attachments: [card] };
}

function blocksOf({ title, lines, more }: Section): unknown[] {
  return [
    blockOf([runOf(title, { weight: 'Bolder' })], true),
    ...lines.map((line) => {
      const words = wordsOf(line);
      return blockOf([
        runOf(line.name, { fontType: 'Monospace' }),
        ...(words === '' ? [] : [runOf(` ${words}`)]),
      ]);
    }),
    ...(more > 0 ? [blockOf([runOf(`… and ${more} more`)])] : []),
  ];
}

function blockOf(inlines: readonly unknown[], isApart = false): unknown {
  return { type: 'RichTextBlock', inlines, ...(isApart && { separator: true, spacing: 'Medium' }) };
}

function runOf(text: string, style: object = {}): unknown {
  // Two braces begin a function of cards, such as {{DATE(…)}}.
  return { type: 'TextRun', text: text.replaceAll('{{', '{ {'), ...style };
}
