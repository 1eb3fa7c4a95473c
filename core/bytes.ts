/** Bytes, by what every runtime has. */

/** Whether two arrays hold the same bytes. Its time depends on the content, so it is not for secrets. */
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
