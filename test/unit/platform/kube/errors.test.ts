import { describe, expect, it } from 'vitest';
import { CaravelError, type ErrorCode } from '../../../../core/errors/catalog.ts';
import {
  isAlreadyExists,
  isConflict,
  isExpired,
  isNotFound,
  KubeError,
  KubeWaitTimeout,
  noAnswer,
  statusError,
  toCaravelError,
} from '../../../../platform/kube/errors.ts';

function answered(code: number, reason: string, message: string, causes: object[] = []) {
  const status = { kind: 'Status', status: 'Failure', code, reason, message, details: { causes } };
  return statusError(code, Buffer.from(JSON.stringify(status)), 'GET /x');
}

describe('statusError', () => {
  it('carries what the Status says', () => {
    const body = {
      kind: 'Status',
      reason: 'Invalid',
      message: 'spec.x: Invalid value',
      details: {
        causes: [{ reason: 'FieldValueInvalid', message: 'bad', field: 'spec.x' }],
        retryAfterSeconds: 3,
      },
    };
    expect(statusError(422, Buffer.from(JSON.stringify(body)), 'PUT /x')).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: 'spec.x: Invalid value',
      request: 'PUT /x',
      causes: [{ reason: 'FieldValueInvalid', message: 'bad', field: 'spec.x' }],
      retryAfterSeconds: 3,
    });
  });

  it('prefers the header, and leaves out a date in it', () => {
    const body = Buffer.from('{"kind":"Status","details":{"retryAfterSeconds":3}}');
    expect(statusError(429, body, 'GET /x', '1').retryAfterSeconds).toBe(1);
    expect(statusError(429, body, 'GET /x', 'Sun, 06 Nov 1994 08:49:37 GMT').retryAfterSeconds).toBe(3);
  });

  it.each(['<html>bad gateway</html>', '', 'null', '{"kind":"Other"}', '[]'])(
    'understands a proxy that answers %j',
    (body) => {
      const error = statusError(502, Buffer.from(body), 'GET /x');
      expect(error).toMatchObject({ code: 502, reason: '', causes: [] });
      expect(error.message).toContain('GET /x: HTTP 502');
    },
  );
});

describe('helpers', () => {
  it('tell the answers apart', () => {
    const exists = answered(409, 'AlreadyExists', 'x');
    const conflict = answered(409, 'Conflict', 'x');
    expect([isAlreadyExists(exists), isConflict(exists)]).toEqual([true, false]);
    expect([isAlreadyExists(conflict), isConflict(conflict)]).toEqual([false, true]);
    expect([isNotFound(answered(404, 'NotFound', 'x')), isNotFound(new Error('404'))]).toEqual([true, false]);
    expect([isExpired(answered(410, 'Expired', 'x')), isExpired(undefined)]).toEqual([true, false]);
  });
});

describe('toCaravelError', () => {
  const cases: [KubeError, ErrorCode][] = [
    [answered(403, 'Forbidden', 'secrets is forbidden: User "x" cannot list resource'), 'KubeForbidden'],
    [
      answered(403, 'Forbidden', 'pods "x" is forbidden: exceeded quota: q, requested: pods=1'),
      'QuotaExceeded',
    ],
    [answered(403, 'Forbidden', 'being terminated', [{ reason: 'NamespaceTerminating' }]), 'KubeConflict'],
    [answered(403, 'Forbidden', 'admission webhook "w" denied the request: no'), 'KubeInvalid'],
    [answered(400, 'BadRequest', 'admission webhook "w" denied the request: no'), 'KubeInvalid'],
    [answered(409, 'Conflict', 'the object has been modified'), 'KubeConflict'],
    [answered(409, 'AlreadyExists', 'already exists'), 'KubeConflict'],
    [answered(422, 'Invalid', 'invalid'), 'KubeInvalid'],
    [answered(413, 'RequestEntityTooLarge', 'too large'), 'KubeInvalid'],
    [answered(401, 'Unauthorized', 'Unauthorized'), 'KubeUnavailable'],
    [answered(429, 'TooManyRequests', 'slow down'), 'KubeUnavailable'],
    [answered(500, 'InternalError', 'failed calling webhook'), 'KubeUnavailable'],
    [answered(503, 'ServiceUnavailable', 'shutting down'), 'KubeUnavailable'],
    [noAnswer('Unreachable', 'GET /x', 'connect ECONNREFUSED'), 'KubeUnavailable'],
    [noAnswer('Disconnected', 'GET /x', 'other side closed'), 'KubeUnavailable'],
    [noAnswer('Timeout', 'GET /x', 'no answer in time'), 'KubeUnavailable'],
    [noAnswer('Credentials', 'GET /x', 'plugin failed'), 'KubeUnavailable'],
    [noAnswer('TooLarge', 'GET /x', 'too large'), 'KubeInvalid'],
  ];

  it.each(cases)('%s is %s', (error, code) => {
    const mapped = toCaravelError(error);
    expect(mapped).toBeInstanceOf(CaravelError);
    expect(mapped).toMatchObject({ code, message: error.message, cause: error });
  });

  it('leaves the rest as it is', () => {
    const abort = new DOMException('aborted', 'AbortError');
    const rest = [
      answered(404, 'NotFound', 'x'),
      answered(410, 'Expired', 'x'),
      new KubeWaitTimeout('pod', 5, undefined),
      new CaravelError('Canceled', 'x'),
      abort,
    ];
    for (const error of rest) expect(toCaravelError(error)).toBe(error);
    expect(toCaravelError('text')).toEqual(new Error('text'));
  });
});
