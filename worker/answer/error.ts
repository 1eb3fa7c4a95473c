/** Errors in the specification's form. core/error.ts chooses each status so that pulling clients fall back. */
import { errorBody, type RegistryError } from '../../core/error.ts';
import type { Answer } from './answer.ts';

const encoder = new TextEncoder();

export function answerError(error: RegistryError, cacheControl: string): Answer {
  const body = encoder.encode(errorBody(error));
  return {
    status: error.status,
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': String(body.length),
      'Cache-Control': cacheControl,
      ...(error.code === 'UNSUPPORTED' && { Allow: 'GET, HEAD' }),
      ...(error.code === 'UNAUTHORIZED' && { 'WWW-Authenticate': 'Basic realm="Lifeboat"' }),
      ...(error.code === 'RANGE_INVALID' && { 'Content-Range': `bytes */${error.detail?.['size'] ?? '*'}` }),
    },
    body: new Uint8Array(body),
  };
}
