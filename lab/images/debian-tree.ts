import { run } from '../host/command.ts';

export interface DebianTree {
  packages: string[];
  /** Shell commands with the tree at "$1", before and after the packages are installed. */
  before?: string[];
  after?: string[];
}

/** Leaves documentation out: it is a third of a small system. */
const lean = ['doc', 'man', 'info', 'locale', 'lintian'].map((dir) => `path-exclude=/usr/share/${dir}/*`);

/** Makes a small Debian with these packages as a tar file. */
export async function makeDebianTree(tree: DebianTree, tar: string): Promise<void> {
  await run('mmdebstrap', [
    '--quiet',
    '--variant=minbase',
    `--include=${tree.packages.join(',')}`,
    ...lean.map((option) => `--dpkgopt=${option}`),
    ...(tree.before ?? []).map((command) => `--essential-hook=${command}`),
    ...(tree.after ?? []).map((command) => `--customize-hook=${command}`),
    '--customize-hook=rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/*',
    'bookworm',
    tar,
  ]);
}
