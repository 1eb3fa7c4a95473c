import { SkippedError } from '../../../engine/support/skipped-error.ts';

/** The account that may read the repository is out of quota, and another account was asked in vain. */
export class AccountOutOfQuotaError extends SkippedError {}
