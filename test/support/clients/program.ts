/** Programs that must be installed. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/**
 * The program's path.
 * @throws when it is not installed
 */
export function requireProgram(name: string): string {
  for (const folder of [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // It may be in the next one.
    }
  }
  throw new Error(`${name} is not installed; CONTRIBUTING.md lists what these tests need.`);
}
