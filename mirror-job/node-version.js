/** Which Node the project runs on. JavaScript that an older one reads, so that it can say that it is too old. */

/** TypeScript without a flag, and an HTTP client that knows proxies: an older one would pass them by and say nothing. */
export function isNewEnough() {
  if (!process.features.typescript) return false;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major === 22 ? minor >= 21 : major === 24 ? minor >= 5 : major > 24;
}
