/** The HTTP client of an upstream in Workers. */
import type { HttpClient, HttpResponse } from '../../sources/registry/http-client.ts';
import { USER_AGENT } from '../user-agent.ts';
import { ResponseBody, sendRequest } from './send-request.ts';

export const fetchClient: HttpClient = async (url, { method, headers, body, signal, timeoutMs }) => {
  const response = await sendRequest(
    url,
    {
      method,
      headers: { 'User-Agent': USER_AGENT, ...headers },
      signal,
      ...(body !== undefined && { body }),
    },
    timeoutMs,
  );
  return new FetchedResponse(response);
};

class FetchedResponse implements HttpResponse {
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  readonly body: ResponseBody;

  constructor(response: Response) {
    this.status = response.status;
    this.headers = response.headers;
    this.body = new ResponseBody(response);
  }

  discard(): void {
    this.body.discard();
  }
}
