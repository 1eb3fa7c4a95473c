import { SourceError } from '../../../engine/source.ts';

/** This account is not accepted; another one of the same upstream may be. */
export class CredentialRefusedError extends SourceError {}
