import { describe, expect, it } from 'vitest';
import { CaravelError } from '../../../../core/errors/catalog.ts';
import { createLog, temporalLogger } from '../../../../platform/log/log.ts';
import { redact } from '../../../../platform/log/redact.ts';

function recorder(level: 'debug' | 'info' = 'info') {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level,
    fields: { process: 'test' },
    destination: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  return { log, lines };
}

describe('log', () => {
  it('writes JSON lines with message, level and facts', () => {
    const { log, lines } = recorder();
    log.child({ run: 'u1' }).warn('slow', { ms: 5 });
    log.debug('not shown');
    expect(lines).toEqual([
      { level: 'warn', time: expect.any(String) as string, process: 'test', run: 'u1', ms: 5, msg: 'slow' },
    ]);
  });

  it('keeps what an error says', () => {
    const { log, lines } = recorder();
    const cause = new Error('refused');
    log.error('failed', { error: new CaravelError('StoreUnavailable', 'no answer', { cause }) });
    expect(lines[0]!['error']).toMatchObject({
      type: 'CaravelError',
      code: 'StoreUnavailable',
      message: 'no answer',
      cause: { message: 'refused' },
    });
  });

  it('serves Temporal, symbols left out', () => {
    const { log, lines } = recorder('debug');
    const logger = temporalLogger(log);
    logger.log('DEBUG', 'a', { [Symbol('time')]: 1n, taskQueue: 'q' });
    logger.error('b');
    expect(lines.map(({ level, msg, taskQueue }) => [level, msg, taskQueue])).toEqual([
      ['debug', 'a', 'q'],
      ['error', 'b', undefined],
    ]);
  });
});

describe('redact', () => {
  it('hides secrets wherever they stand', () => {
    const secret = { kind: 'Secret', metadata: { name: 's' }, data: { a: 'eA==' } };
    const value = {
      credentials: { accessKeyId: 'AK', secretAccessKey: 'SK', password: 'P' },
      list: [{ token: 'T' }, secret],
      headers: { authorization: 'Bearer abc' },
      message:
        'GET https://s3/b?X-Amz-Credential=AK%2F1&X-Amz-Signature=abc&x=1 with Bearer e.y.J and http://u:pw@h/',
      error: Object.assign(new Error('see X-Amz-Signature=zzz'), { secretAccessKey: 'SK' }),
    };
    const text = JSON.stringify(redact(value));
    for (const word of ['AK', 'SK', '"P"', '"T"', 'eA==', 'abc', 'e.y.J', 'zzz', ':pw@'])
      expect(text).not.toContain(word);
    expect(text).toContain('"name":"s"');
    expect(text).toContain('x=1');
    expect(secret.data.a).toBe('eA==');
  });

  it('hides no names', () => {
    expect(redact({ secretName: 's', tokens: 3, key: 'cloud' })).toEqual({
      secretName: 's',
      tokens: 3,
      key: 'cloud',
    });
  });

  it('ends on cycles, depth and bytes', () => {
    const cycle: Record<string, unknown> = { a: 1n, b: Buffer.from('xyz') };
    cycle['self'] = cycle;
    expect(redact(cycle)).toEqual({ a: '1', b: '[3 bytes]', self: '[circular]' });
  });
});
