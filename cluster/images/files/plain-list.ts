/** A list of images: one name a line, and comments. */
import type { Found } from '../mention.ts';
import { ImageFile } from './image-file.ts';

/** A line that is no name gives a Problem. Names without tag and digest are fine. */
export function* imagesInPlainList(text: string, path: string): Generator<Found> {
  const file = new ImageFile('list', path);
  for (const { name, line } of listedNames(text)) yield file.image(name, line);
}

/** The lines that have something in them, without their comments. A comment begins with "#", at the start or after a space. */
export function listedNames(text: string): { name: string; line: number }[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((written, index) => ({ name: written.replace(/(?:^|\s)#.*$/s, '').trim(), line: index + 1 }))
    .filter(({ name }) => name !== '');
}
