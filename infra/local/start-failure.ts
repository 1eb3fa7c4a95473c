/**
 * Finds the reason why the edge does not start, because wrangler, esbuild and workerd each report it in another field.
 */

/** @returns one sentence or more, never a stack trace */
export function causeOf(failure: unknown): string {
  if (typeof failure === 'string') return sentenceIn(failure);
  if (typeof failure !== 'object' || failure === null) return String(failure);
  // wrangler's events and errors wrap the reason, some of them twice.
  if ('cause' in failure && failure.cause !== undefined) return causeOf(failure.cause);
  const message = 'message' in failure ? String(failure.message) : JSON.stringify(failure);
  const place = 'location' in failure ? lineOf(failure.location) : '';
  return `${sentenceIn(message)}${place}`;
}

/** Returns the line of a parser's error, which has it in a field of its own, not in the message. */
function lineOf(location: unknown): string {
  if (typeof location !== 'object' || location === null || !('line' in location)) return '';
  return ` (line ${String(location.line)})`;
}

/** Returns the sentence in a text. workerd's log, which is JSON, and a registry's error have it in `message`. */
function sentenceIn(text: string): string {
  const messages = [...text.matchAll(/"message":("(?:[^"\\]|\\.)*")/g)].map(([, quoted = '""']) => {
    const message: unknown = JSON.parse(quoted);
    return String(message);
  });
  return (messages.length === 0 ? text : messages.join('\n')).trim();
}
