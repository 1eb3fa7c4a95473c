/**
 * Tells whether this Node can run the project. An older Node has to read this file too, so that it can say that it is
 * too old.
 */

/**
 * The project needs TypeScript without a flag, and an HTTP client that knows proxies. An older Node would silently
 * ignore proxies.
 */
export function isNewEnough() {
  if (!process.features.typescript) return false;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major === 22 ? minor >= 21 : major === 24 ? minor >= 5 : major > 24;
}
