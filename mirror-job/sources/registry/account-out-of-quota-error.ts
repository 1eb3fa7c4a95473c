import { SkippedError } from '../../engine/skipped-error.ts';

/** Another account was asked, and cannot answer for the one whose quota is used up. */
export class AccountOutOfQuotaError extends SkippedError {}
