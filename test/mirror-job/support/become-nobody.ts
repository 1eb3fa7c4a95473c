import { vi } from 'vitest';
import { NOBODYS } from '../../support/nobody.ts';

/** This process's own environment becomes nobody's, and these variables are added, until `vi.unstubAllEnvs()`. */
export function becomeNobody(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries({ ...NOBODYS, ...variables })) vi.stubEnv(name, value);
}
