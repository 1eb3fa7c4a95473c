/** The connections to an S3 store: Node's own client, and the AWS SDK for the rare calls that are answered in XML. */
import type { S3Connection } from '../../storage/s3/s3-connection.ts';
import { createStoreAgents, type Agents } from './agents.ts';
import { exchange } from './exchange.ts';

export function createS3Connection(agents: Agents = createStoreAgents()): S3Connection {
  return {
    send: (request) => exchange({ ...request, agents }),
    // Loaded at the first call that needs it. A run that finds nothing new has no such call.
    bucketCalls: async (options) => {
      const { SdkBucket } = await import('../../storage/s3/sdk-bucket.ts');
      return new SdkBucket(options, agents);
    },
  };
}
