// Runs a script of this project from a fresh clone: installs the packages first when they are missing or outdated, and
// runs the script with the project's own Node. Plain JavaScript of Node 20 without packages, because nothing else may
// be there yet.
import { spawnSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules/.bin');
const node = join(bin, process.platform === 'win32' ? 'node.exe' : 'node');
const lockFile = join(root, 'package-lock.json');
// npm's note of what it has installed.
const installedFile = join(root, 'node_modules/.package-lock.json');

const packagesOf = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

/** A lock file that is only newer (a checkout touches it) changes nothing; other versions do. */
function outdated() {
  if (!existsSync(node) || !existsSync(installedFile)) return true;
  if (statSync(installedFile).mtimeMs >= statSync(lockFile).mtimeMs) return false;
  const installed = packagesOf(installedFile);
  return Object.entries(packagesOf(lockFile)).some(([path, wanted]) => {
    if (path === '') return false;
    // Optional ones of other platforms are never installed.
    const there = installed[path];
    return there ? there.version !== wanted.version : !wanted.optional;
  });
}

function install() {
  process.stderr.write('installing the packages of package-lock.json (about half a minute)\n');
  // `npm ci` refuses a lock file that was made behind a registry mirror without other platforms' optional packages;
  // this keeps to the lock file as well and does not write it.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0 && existsSync(node)) return;
  process.stderr.write(`The packages could not be installed${error ? `: ${error.message}` : ''}.\n`);
  process.exit(1);
}

const [script, ...args] = process.argv.slice(2);
if (!script) {
  process.stderr.write('usage: node scripts/bootstrap.mjs <script> [arguments]\n');
  process.exit(2);
}
if (Number(process.versions.node.split('.')[0]) < 20) {
  process.stderr.write(`Node ${process.versions.node} is too old: install Node 20 or newer.\n`);
  process.exit(1);
}
if (outdated()) install();

const file = resolve(root, script);
process.env.PATH = [bin, process.env.PATH].filter(Boolean).join(delimiter);
if (realpathSync(process.execPath) === realpathSync(node)) {
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
} else {
  const child = spawn(node, [file, ...args], { stdio: 'inherit' });
  // Ctrl-C reaches the child by itself; this process only waits for it to clean up.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('close', (code, signal) => {
    process.exitCode = signal ? 128 + constants.signals[signal] : (code ?? 1);
  });
}
