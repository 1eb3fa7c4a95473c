/** No connection, or not even the beginning of an answer, came in time. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'ETIMEDOUT';
  readonly waitedFor: 'a connection' | 'an answer';

  constructor(waitedFor: TimeoutError['waitedFor']) {
    super(`There was not ${waitedFor} in time.`);
    this.waitedFor = waitedFor;
  }
}
