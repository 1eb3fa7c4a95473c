/** Starts the tests' own servers on a free port, and stops them without waiting for clients. */
import type { Server } from 'node:http';

/** Lets the server listen, and returns the port; by default any free one. */
export async function listen(server: Server, host = '127.0.0.1', wanted = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}

/** Closes the server and every connection, hanging ones too. It may be called again. */
export async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
}
