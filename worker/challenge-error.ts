import { RegistryError } from '../core/error.ts';

/**
 * DENIED as a 401, which `docker login` needs. It is not in core's table, because without an operator's word a
 * mirror never challenges: clients answer with what they have for another registry.
 */
export class ChallengeError extends RegistryError {
  constructor(message: string) {
    super('DENIED', message);
  }

  override get status(): number {
    return 401;
  }
}
