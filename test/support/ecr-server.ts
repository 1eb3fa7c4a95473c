/**
 * Serves the one call of Amazon ECR's API that a registry client needs.
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 */
import { createServer, type IncomingMessage } from 'node:http';
import { close, listen } from './http-server.ts';

const TARGET = 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken';

export interface EcrServer {
  readonly url: string;
  /** The access key and the region for which each call was signed. */
  readonly calls: string[];
  /** Answers every further call with this error of AWS. */
  refuse(error: { readonly type: string; readonly message: string }): void;
  stop(): Promise<void>;
}

/**
 * @param passwordOf returns the password for the n-th call, counted from 1
 * @param expiresAt returns the end of that password, in seconds since 1970
 */
export async function startEcrServer(
  passwordOf: (call: number) => string,
  expiresAt: (call: number) => number,
): Promise<EcrServer> {
  const calls: string[] = [];
  const state: { refusal?: { type: string; message: string } } = {};
  const server = createServer((incoming, response) => {
    incoming.resume();
    const { refusal } = state;
    calls.push(signerOf(incoming));
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    if (incoming.headers['x-amz-target'] !== TARGET) answer(400, { __type: 'UnknownOperationException' });
    else if (refusal !== undefined) answer(400, { __type: refusal.type, message: refusal.message });
    else {
      const token = Buffer.from(`AWS:${passwordOf(calls.length)}`).toString('base64');
      answer(200, {
        authorizationData: [{ authorizationToken: token, expiresAt: expiresAt(calls.length) }],
      });
    }
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    refuse: (error) => {
      state.refusal = error;
    },
    stop: async () => close(server),
  };
}

function signerOf({ headers }: IncomingMessage): string {
  const [, key = '', region = ''] =
    /Credential=([^/]+)\/\d+\/([^/]+)\/ecr\//.exec(headers.authorization ?? '') ?? [];
  return `${key} ${region}`;
}
