/** The quota of an account, or the run's budget, allows this account no further manifest GET. Nothing was sent. */
export class QuotaReachedError extends Error {
  override readonly name = 'QuotaReachedError';
}
