/** The connections to an S3 store: Node's own client. */
import type { S3Connection } from '../../storage/s3/s3-connection.ts';
import { createStoreAgents, type Agents } from './agents.ts';
import { exchange } from './exchange.ts';

export function createS3Connection(agents: Agents = createStoreAgents()): S3Connection {
  return { agents, send: (request) => exchange({ ...request, agents }) };
}
