/** What requests to registries say of their sender. Operators of registries look at it before they block a client. */
import about from '../../package.json' with { type: 'json' };

export const USER_AGENT = `${about.name}/${about.version}`;
