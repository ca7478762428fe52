import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** All static checks, side by side on two lanes; every finding is shown, not only the first check's. */

const CODE = [
  'workflows',
  'activities',
  'worker',
  'client',
  'contracts',
  'core',
  'platform',
  'mover',
  'lab',
  'scripts',
  'test',
];
const LAYERS = CODE.filter((folder) => !['lab', 'scripts', 'test'].includes(folder));

interface Check {
  name: string;
  command: string[];
}

const checks: Check[] = [
  { name: 'types', command: ['tsc', '--noEmit', '-p', '.'] },
  { name: 'lint', command: ['oxlint', '--type-aware', ...CODE] },
  { name: 'determinism', command: ['eslint', '--quiet', 'workflows', 'activities', 'worker'] },
  { name: 'layers', command: ['depcruise', '--config', '.dependency-cruiser.cjs', ...LAYERS] },
  { name: 'dead code', command: ['knip'] },
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'resource definitions', command: ['node', 'scripts/generate-crds.ts', '--check'] },
  { name: 'error reference', command: ['node', 'scripts/generate-errors.ts', '--check'] },
  { name: 'compose file', command: ['node', 'scripts/check-compose.ts'] },
].filter(({ command }) => command[0] !== 'node' || existsSync(command[1] ?? ''));

function run({ name, command }: Check): Promise<{ ok: boolean; text: string }> {
  const started = Date.now();
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ ok: false, text: `✗ ${name}: ${error.message}` }));
    child.on('close', (code) => {
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      const ok = code === 0;
      resolve({
        ok,
        text: ok ? `✓ ${name} (${seconds} s)` : `✗ ${name} (${seconds} s)\n${output.trimEnd()}`,
      });
    });
  });
}

const queue = [...checks];
let failed = 0;
async function lane(): Promise<void> {
  for (let check = queue.shift(); check; check = queue.shift()) {
    const { ok, text } = await run(check);
    if (!ok) failed += 1;
    process.stdout.write(`${text}\n`);
  }
}

await Promise.all([lane(), lane()]);
process.stdout.write(`${checks.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
