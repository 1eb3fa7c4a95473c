/** Reads the XML of S3's answers, and writes that of its requests. */
import { DOMParser, type Element } from '@xmldom/xmldom';
import { OddAnswerError } from './s3-error.ts';

/** An element of an answer. Names have no namespace, because providers differ in those. */
export class XmlElement {
  readonly #element: Element;

  constructor(element: Element) {
    this.#element = element;
  }

  get name(): string {
    return this.#element.localName ?? '';
  }

  /** @returns the child elements of this name, in order */
  all(name: string): XmlElement[] {
    const children: XmlElement[] = [];
    for (let node = this.#element.firstChild; node !== null; node = node.nextSibling) {
      if (isElement(node) && node.localName === name) children.push(new XmlElement(node));
    }
    return children;
  }

  /** @returns the text of the first child of this name; undefined if there is none */
  text(name: string): string | undefined {
    const [child] = this.all(name);
    return child === undefined ? undefined : (child.#element.textContent ?? undefined);
  }
}

/** @throws {OddAnswerError} for a text that is not XML */
export function parseXml(text: string): XmlElement {
  try {
    const document = new DOMParser({
      onError: (_level, message) => {
        throw new Error(message);
      },
    }).parseFromString(text, 'text/xml');
    if (document.documentElement !== null) return new XmlElement(document.documentElement);
  } catch (error) {
    throw new OddAnswerError('the answer is not XML', { cause: error });
  }
  throw new OddAnswerError('the answer is empty');
}

function isElement(node: { readonly nodeType: number }): node is Element {
  return node.nodeType === 1;
}

/** Escapes a text for the content of an element. */
export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
