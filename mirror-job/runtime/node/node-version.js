/**
 * Tells whether this Node can run the project. An older Node has to read this file too, so that it can say that it is
 * too old.
 */

/** The job needs an HTTP client that knows proxies. An older Node would silently ignore proxies. */
export function isNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major === 22 ? minor >= 21 : major === 24 ? minor >= 5 : major > 24;
}

/** The sources need a Node that reads TypeScript without a flag. Bundles do not, and some builds of Node cannot. */
export function readsTypeScript() {
  return Boolean(process.features.typescript);
}
