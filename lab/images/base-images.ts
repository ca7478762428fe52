import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from '../build/binaries.ts';
import { cacheDir } from '../build/binaries.ts';
import { showProgress } from '../build/progress.ts';
import { run } from '../host/command.ts';
import { buildah, hasImage } from './builder.ts';
import { type DebianTree, makeDebianTree } from './debian-tree.ts';

const npmVersion = '11.19.1';
const tree: DebianTree = { packages: ['ca-certificates'] };

export interface BaseImages {
  node: string;
  kopia: string;
}

/** The two images that deploy/Dockerfile builds on, made here because the lab has no registry. */
export async function baseImages(binaries: Binaries): Promise<BaseImages> {
  const hash = createHash('sha256').update(JSON.stringify([process.version, npmVersion, tree, 1]));
  const node = `localhost/lab-node:24-${hash.digest('hex').slice(0, 8)}`;
  const kopia = 'localhost/lab-kopia:0.23.1';
  if (!(await hasImage(node))) {
    await showProgress({ title: `making image ${node}`, typicalSeconds: 40, secondsAhead: 40 }, () =>
      inScratch((scratch) => makeNodeImage(node, scratch)),
    );
  }
  if (!(await hasImage(kopia))) {
    await inScratch(async (scratch) => {
      copyFileSync(binaries.program('kopia', 'kopia'), join(scratch, 'kopia'));
      await build(kopia, scratch, ['FROM scratch', 'COPY kopia /bin/kopia']);
    });
  }
  return { node, kopia };
}

/** Debian with this very node, and npm for the step that installs the dependencies. */
async function makeNodeImage(name: string, scratch: string): Promise<void> {
  await makeDebianTree(tree, join(scratch, 'debian.tar'));
  const local = join(scratch, 'root/usr/local');
  mkdirSync(join(local, 'bin'), { recursive: true });
  mkdirSync(join(local, 'lib/node_modules'), { recursive: true });
  copyFileSync(process.execPath, join(local, 'bin/node'));
  await run('npm', ['pack', '--silent', `npm@${npmVersion}`], { cwd: scratch });
  await run('tar', ['-xzf', join(scratch, `npm-${npmVersion}.tgz`), '-C', scratch]);
  cpSync(join(scratch, 'package'), join(local, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  const lines = ['FROM scratch', 'ADD debian.tar /', 'COPY root /'];
  // Where the machine trusts an authority of its own, npm must do so inside the build, too.
  const authorities = '/etc/ssl/certs/ca-certificates.crt';
  if (existsSync(authorities)) {
    mkdirSync(join(scratch, 'root/etc/ssl/certs'), { recursive: true });
    copyFileSync(authorities, join(scratch, 'root', authorities));
    lines.push(`ENV NODE_EXTRA_CA_CERTS=${authorities}`);
  }
  lines.push('ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
  await build(name, scratch, lines);
}

async function build(name: string, context: string, dockerfile: string[]): Promise<void> {
  writeFileSync(join(context, 'Dockerfile'), `${dockerfile.join('\n')}\n`);
  await buildah(['bud', '--isolation', 'chroot', '--squash', '-t', name, context]);
}

async function inScratch(work: (scratch: string) => Promise<void>): Promise<void> {
  mkdirSync(join(cacheDir, 'scratch'), { recursive: true });
  const scratch = mkdtempSync(join(cacheDir, 'scratch', 'image-'));
  try {
    await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
