import { expect, test } from 'vitest';
import { ERROR_STATUS, RegistryError, errorBody } from '../../core/error.ts';

test('each error has the status that makes clients fall back', () => {
  expect(ERROR_STATUS).toEqual({
    BLOB_UNKNOWN: 404,
    DENIED: 403,
    DIGEST_INVALID: 400,
    MANIFEST_UNKNOWN: 404,
    NAME_INVALID: 400,
    NAME_UNKNOWN: 404,
    PAGINATION_NUMBER_INVALID: 400,
    PRECONDITION_FAILED: 412,
    RANGE_INVALID: 416,
    RANGES_UNSUPPORTED: 400,
    UNAUTHORIZED: 401,
    UNAVAILABLE: 503,
    UNSUPPORTED: 405,
  });
});

test('429 is never answered, because skopeo waits after it', () => {
  expect(Object.values(ERROR_STATUS)).not.toContain(429);
});

test('an error is answered in the specification’s form', () => {
  const error = new RegistryError('MANIFEST_UNKNOWN', 'docker.io/library/nginx has no tag "x".', {
    detail: { tag: 'x' },
  });
  expect(error.name).toBe('RegistryError');
  expect(error.status).toBe(404);
  expect(errorBody(error)).toBe(
    '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"docker.io/library/nginx has no tag \\"x\\".","detail":{"tag":"x"}}]}',
  );
});

test('an error without detail is answered without one, and its cause is not part of the answer', () => {
  const cause = new Error('secret');
  const error = new RegistryError('UNAVAILABLE', 'No store answers.', { cause });
  expect(error.status).toBe(503);
  expect(error.cause).toBe(cause);
  expect(error.detail).toBe(undefined);
  expect(errorBody(error)).toBe('{"errors":[{"code":"UNAVAILABLE","message":"No store answers."}]}');
});

test('an error that quotes a text from outside cannot control a terminal, and is the same JSON', () => {
  const message = 'Odd: \u001B[31m\u0085\u202E\u2028\uD800.';
  const body = errorBody(new RegistryError('NAME_INVALID', message));
  expect(body).toMatch(/^[ -~]*$/);
  expect(JSON.parse(body)).toEqual({ errors: [{ code: 'NAME_INVALID', message }] });
});

test('an error without a cause has no cause property', () => {
  expect(Object.hasOwn(new RegistryError('DENIED', 'No.'), 'cause')).toBe(false);
});
