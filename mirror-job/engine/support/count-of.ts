/** `1 tag`, `2 tags`. @param noun one whose plural takes an s */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
