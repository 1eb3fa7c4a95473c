/** Asks a person at a terminal. Questions are written to standard error, because standard output is for results. */
import { createInterface } from 'node:readline/promises';
import { Readable, Writable } from 'node:stream';
import type { Io } from './io.ts';

/** The person pressed Ctrl-C or Ctrl-D. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

export interface Prompt {
  /** @throws {NoAnswerError} */
  ask(question: string): Promise<string>;
  /** The same, and what is typed is not shown. @throws {NoAnswerError} */
  askSecret(question: string): Promise<string>;
}

/** @returns undefined if standard input is no terminal, so that there is nobody to ask */
export function openPrompt({ stdin, stderr }: Pick<Io, 'stdin' | 'stderr'>): Prompt | undefined {
  const input = stdin();
  if (!(input instanceof Readable) || !('isTTY' in input) || input.isTTY !== true) return undefined;
  const ahead: string[] = [];
  return {
    ask: (question) => answerTo(question, input, stderr, ahead),
    askSecret: async (question) => {
      stderr.write(question);
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
      const answer = await answerTo('', input, nowhere, ahead);
      stderr.write('\n');
      return answer;
    },
  };
}

/** @param ahead lines that were pasted before their questions. They are answers, in their order */
async function answerTo(
  question: string,
  input: Readable,
  output: NodeJS.WritableStream,
  ahead: string[],
): Promise<string> {
  const pasted = ahead.shift();
  if (pasted !== undefined) {
    output.write(`${question}${pasted}\n`);
    return pasted.trim();
  }
  const lines = createInterface({ input, output, terminal: true });
  const ended = new AbortController();
  // The line that answers the question is no event.
  lines.on('line', (line) => ahead.push(line));
  lines.once('SIGINT', () => ended.abort());
  lines.once('close', () => ended.abort());
  try {
    return (await lines.question(question, { signal: ended.signal })).trim();
  } catch (error) {
    throw new NoAnswerError('There was no answer.', { cause: error });
  } finally {
    lines.close();
  }
}
