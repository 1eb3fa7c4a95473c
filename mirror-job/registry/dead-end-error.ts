import { SourceError } from '../engine/source.ts';

/** The registry redirects to where nothing can be had: a host that cannot be reached, a circle, no https address. */
export class DeadEndError extends SourceError {
  override readonly name = 'DeadEndError';
}
