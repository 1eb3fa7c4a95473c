/** @returns a store's name, such as "The bucket …", as it stands in the middle of a sentence: "the bucket …" */
export function insideSentence(name: string): string {
  return name.replace(/^The /, 'the ');
}
