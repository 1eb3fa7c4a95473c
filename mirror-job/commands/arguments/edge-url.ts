/** Reads the address of an edge on the command line. */
import { EdgeAddressError, parseEdgeUrl } from '../../configuration/edge.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { seeHelp } from '../command.ts';

/**
 * @param what begins the message: the option's name, or words for the argument
 * @returns the origin, without a slash at its end
 * @throws {UsageError}
 */
export function parseEdgeArgument(what: string, text: string, command: string): string {
  try {
    return parseEdgeUrl(text);
  } catch (error) {
    if (!(error instanceof EdgeAddressError)) throw error;
    // The text is not quoted, because it may have a password in it.
    throw new UsageError(`${what}: ${error.message} ${seeHelp(command)}`, { cause: error });
  }
}
