/** What of a request's headers changes its answer. */
export interface Caller {
  readonly isHead: boolean;
  /** The host name that it was sent to, without the port. */
  readonly host: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

export function readCaller(request: Request, url: URL): Caller {
  const { headers } = request;
  return {
    isHead: request.method === 'HEAD',
    host: url.hostname,
    authorization: headers.get('authorization') ?? undefined,
    range: headers.get('range') ?? undefined,
    ifRange: headers.get('if-range') ?? undefined,
    ifNoneMatch: headers.get('if-none-match') ?? undefined,
  };
}
