/** Reads pages as a browser asks for them. */
import type { TestEdge } from './test-edge.ts';

export interface ShownPage {
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  /** Its words, without markup, and with one space between them. */
  readonly text: string;
}

export async function pageAt(
  edge: TestEdge,
  path: string,
  headers: Record<string, string> = {},
): Promise<ShownPage> {
  const response = await edge.get(path, { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', ...headers });
  const html = await response.text();
  return { status: response.status, headers: response.headers, html, text: textOf(html) };
}

function textOf(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** As a proxy sends the page. */
export async function compressedBytes(html: string): Promise<number> {
  const stream = new Blob([html]).stream().pipeThrough(new CompressionStream('gzip'));
  return (await new Response(stream).arrayBuffer()).byteLength;
}
