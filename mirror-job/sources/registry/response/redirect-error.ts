import { SourceError } from '../../../engine/source.ts';

/**
 * The registry's redirects lead to nothing: to a host that cannot be reached, in a circle, or to an address without
 * https.
 */
export class RedirectError extends SourceError {
  override readonly name = 'RedirectError';
}
