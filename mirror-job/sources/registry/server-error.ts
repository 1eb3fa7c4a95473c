import { SourceError } from '../../engine/source.ts';

/** The registry answered with a 5xx that no other try has changed. It was not busy, but failed. */
export class ServerError extends SourceError {
  override readonly name = 'ServerError';
}
