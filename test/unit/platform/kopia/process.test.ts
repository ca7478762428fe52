import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { parseMetrics, receiveMetrics } from '../../../../platform/kopia/metrics.ts';
import type { Counters } from '../../../../platform/kopia/metrics.ts';
import { readAnswer } from '../../../../platform/kopia/probe.ts';
import { isProgress, LineSplitter, startProcess } from '../../../../platform/kopia/process.ts';

describe('lines', () => {
  test('split at line ends and carriage returns, whatever the pieces', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (const piece of ['\r | 1 hash', 'ing,  \rtwo\nthr', 'ee', '\n\n', 'four']) splitter.push(piece);
    splitter.end();
    expect(lines).toEqual([' | 1 hashing,', 'two', 'three', 'four']);
  });
  test('an endless line is cut, not gathered', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (let count = 0; count < 100; count++) splitter.push('x'.repeat(1_000));
    splitter.end();
    expect(lines.join('').length).toBeLessThanOrEqual(1_000);
  });
  test('progress lines', () => {
    expect(isProgress(' * 0 hashing, 2 hashed')).toBe(true);
    expect(isProgress('Processed 3 (1 B) of 3')).toBe(true);
    expect(isProgress(' ! Error when processing')).toBe(false);
  });
});

describe('processes', () => {
  const program = (script: string) => ({
    ...{ path: '/bin/sh', args: ['-c', script], environment: process.env },
    clean: (text: string) => text.replaceAll('hush', '[hidden]'),
  });
  test('give output, cleaned errors and the way they ended', async () => {
    const lines: string[] = [];
    const { done } = startProcess(program('cat; echo "hush, it failed" >&2; exit 3'), {
      input: 'from stdin',
      onLine: (line) => lines.push(line),
    });
    expect(await done).toEqual({
      code: 3,
      signal: null,
      stdout: 'from stdin',
      stderr: '[hidden], it failed',
    });
    expect(lines).toEqual(['[hidden], it failed']);
  });
  test('killed ones name the signal; missing programs are an error, not a crash', async () => {
    const running = startProcess(program('exec sleep 60'));
    running.kill('SIGKILL');
    expect(await running.done).toMatchObject({ code: null, signal: 'SIGKILL' });
    const missing = startProcess({ ...program(''), path: '/no/such/kopia' });
    expect((await missing.done).stderr).toMatch(/ENOENT/);
  });
});

describe('metrics', () => {
  const text = [
    '# TYPE kopia_blob_errors_total counter',
    'kopia_blob_errors_total{method="PutBlob"} 2',
    'kopia_blob_errors_total{method="GetBlob"} 1',
    'kopia_blob_storage_latency_ms_count{method="DeleteBlob"} 5',
    'kopia_blob_storage_latency_ms_count{method="PutBlob"} 40',
    'kopia_blob_upload_bytes_total 5.24377289e+08',
    'kopia_content_write_bytes_total 5.24309926e+08',
    'kopia_content_deduplicated_bytes_total NaN',
    'go_goroutines 12',
  ].join('\n');
  test('text format, with exponents and sums over labels', () => {
    expect(parseMetrics(text)).toMatchObject({
      ...{ errors: 3, flushes: 5, uploadedBytes: 524_377_289, writtenBytes: 524_309_926, knownBytes: 0 },
    });
  });
  test('the receiver takes requests in pieces, several on one connection', async () => {
    const receiver = await receiveMetrics();
    const heard: Counters[] = [];
    receiver.listen((counters) => heard.push(counters));
    const { port } = new URL(receiver.environment['KOPIA_METRICS_PUSH_ADDR'] ?? '');
    const socket = connect(Number(port), '127.0.0.1');
    let answers = '';
    socket.on('data', (chunk) => (answers += chunk.toString()));
    const request = `PUT /metrics/job/kopia HTTP/1.1\r\nHost: x\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    socket.write(request.slice(0, 30));
    await delay(20);
    socket.write(request.slice(30) + request.slice(0, 90));
    await delay(20);
    socket.write(request.slice(90));
    while (heard.length < 2) await delay(5);
    expect(heard[1]?.uploadedBytes).toBe(524_377_289);
    expect(receiver.bytes).toBeGreaterThan(2 * request.length);
    expect(answers.match(/200 OK/g)).toHaveLength(2);
    socket.destroy();
    receiver.close();
  });
});

test.each([
  [200, '<ListBucketResult><Key>p/kopia.repository</Key></ListBucketResult>', 'repository'],
  [200, '<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>', 'empty'],
  [404, '<Error><Code>NoSuchBucket</Code></Error>', 'StoreBucketMissing'],
  [404, '<Error><Code>XAdminUserNotFound</Code><Message>No user</Message></Error>', 'StoreAccessDenied'],
  [403, '<Error><Code>SignatureDoesNotMatch</Code></Error>', 'StoreAccessDenied'],
  [403, '', 'StoreAccessDenied'],
  [503, '<Error><Code>SlowDown</Code></Error>', 'StoreUnavailable'],
  [500, 'not even XML', 'StoreUnavailable'],
  [301, '<Error><Code>PermanentRedirect</Code></Error>', 'unknown'],
  [400, '<Error><Code>AuthorizationHeaderMalformed</Code></Error>', 'unknown'],
  [404, '', 'unknown'],
])("a store's answer %s %s means %s", (status, body, meaning) => {
  const found = readAnswer(status, body, { bucket: 'b' });
  expect(found.state === 'error' ? found.error.code : found.state).toBe(meaning);
});
