import { vi } from 'vitest';
import { NOBODYS } from '../../support/nobody.ts';

/**
 * Removes proxies, logins and accounts from this process's environment, and adds these variables, until
 * `vi.unstubAllEnvs()`.
 */
export function becomeNobody(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries({ ...NOBODYS, ...variables })) vi.stubEnv(name, value);
}
