/** The errors of reading a cluster. They stand apart from the client of Kubernetes, so that a caller need not load it. */

/** The cluster cannot be asked. The message is a sentence with the next step. */
export class ClusterError extends Error {
  override readonly name: string = 'ClusterError';
}

/** The caller may not list these objects, or the server does not have them. */
export class ListRefusedError extends ClusterError {
  override readonly name = 'ListRefusedError';
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}
