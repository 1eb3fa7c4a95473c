/** Sorts texts as people expect: runs of digits by their value, everything else by ASCII. Pure. */

/** A run of digits, or one other character. */
const PIECES = /\d+|\D/g;

/** @returns less than 0 if the first is smaller; 0 also if only leading zeros differ, and then the caller decides */
export function compareNaturally(one: string, other: string): number {
  const ours = one.match(PIECES) ?? [];
  const theirs = other.match(PIECES) ?? [];
  for (const [index, piece] of ours.entries()) {
    const their = theirs[index];
    if (their === undefined) return 1;
    const difference = comparePieces(piece, their);
    if (difference !== 0) return difference;
  }
  return ours.length - theirs.length;
}

/** Compares digits as texts, because a tag may hold numbers that are too large for a JavaScript number. */
function comparePieces(one: string, other: string): number {
  const [a, b] = [withoutZeros(one), withoutZeros(other)];
  const areNumbers = isNumber(one) && isNumber(other);
  if (areNumbers && a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}

function isNumber(piece: string): boolean {
  return piece >= '0' && piece < ':';
}

function withoutZeros(piece: string): string {
  return piece.replace(/^0+(?=\d)/, '');
}
