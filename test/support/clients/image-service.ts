/** Pulls as Kubernetes does: by PullImage of the Container Runtime Interface, over a socket. */
import { fileURLToPath } from 'node:url';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Login } from './client.ts';

export interface PullImageRequest {
  readonly image: string;
  /** The pod's pull secret. */
  readonly login?: Login;
  /** The time limit, in milliseconds. */
  readonly timeout: number;
}

const definition = loadSync(fileURLToPath(new URL('image-service.proto', import.meta.url)));

/** @throws the service's error, also if it does not answer in time */
export async function pullImage(socket: string, { image, login, timeout }: PullImageRequest): Promise<void> {
  const service = definition['runtime.v1.ImageService'];
  const method = service !== undefined && 'PullImage' in service ? service['PullImage'] : undefined;
  if (method === undefined || !('path' in method)) throw new Error('The service has no PullImage.');
  const client = new Client(`unix://${socket}`, credentials.createInsecure());
  try {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        { image: { image }, ...(login !== undefined && { auth: login }) },
        new Metadata(),
        { deadline: Date.now() + timeout },
        (error) => (error === null ? resolve() : reject(error)),
      );
    });
  } finally {
    client.close();
  }
}
