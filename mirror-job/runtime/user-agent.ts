/** The User-Agent of requests to registries. Operators of registries look at it before they block a client. */
import about from '../../package.json' with { type: 'json' };

export const USER_AGENT = `${about.name}/${about.version}`;
