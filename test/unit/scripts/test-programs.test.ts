import { expect, it } from 'vitest';
import { identify } from '../../../lab/host/process-identity.ts';
import { run, stopPrograms } from '../../../scripts/test/program.ts';

/** A file of its own: once programs are stopped, none runs again in this process. */

const noAnswer = (ms: number) => new Promise((resolve) => setTimeout(() => resolve('no answer'), ms));

it('a program is stopped with all that it has started, and neither it nor one that follows gives an answer', async () => {
  let said = '';
  const program = run('sh', ['-c', 'trap "" TERM; sleep 60 & echo "$! $$"; sleep 60'], {
    show: (text) => (said += text),
  });
  await expect.poll(() => said).toMatch(/^\d+ \d+\n$/);
  await stopPrograms(300);
  expect(said.split(' ').map((pid) => identify(Number(pid)))).toEqual([undefined, undefined]);
  const next = run('true', []);
  expect(await Promise.race([program, next, noAnswer(200)])).toBe('no answer');
});

it('what cleans up runs nevertheless', async () => {
  expect(await run('sh', ['-c', 'echo done; exit 3'], { cleansUp: true })).toEqual({
    code: 3,
    output: 'done\n',
  });
});
