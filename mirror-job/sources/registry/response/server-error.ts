import { SourceError } from '../../../engine/source.ts';

/** The registry answered with a 5xx in every attempt. It failed, and was not just busy. */
export class ServerError extends SourceError {
  override readonly name = 'ServerError';
}
