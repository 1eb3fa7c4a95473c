/** A store's name ("The bucket …") where it does not begin a sentence. */
export function amid(name: string): string {
  return name.replace(/^The /, 'the ');
}
