import { copyFileSync, chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shellQuote } from '../host/command.ts';
import { packImage } from './archive.ts';
import type { ImageRecipe } from './cached-image.ts';
import { type DebianTree, makeDebianTree } from './debian-tree.ts';

const name = 'localhost/lab-postgres:15';
const entrypoint = join(import.meta.dirname, 'postgres-entrypoint.sh');

const tree: DebianTree = {
  packages: ['postgresql-15', 'postgresql-client-15'],
  before: [
    'mkdir -p "$1/etc/postgresql-common"',
    'echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"',
  ],
  // Just-in-time compilation is off in the lab, and its compiler is the largest thing in the image.
  after: [
    'rm -f "$1"/usr/lib/*/libLLVM-*.so* "$1"/usr/lib/postgresql/15/lib/llvmjit.so',
    'rm -rf "$1"/usr/lib/postgresql/15/lib/bitcode',
  ],
};

/** PostgreSQL with psql and pgbench, for the demonstration and the tests. */
export const postgresRecipe: ImageRecipe = {
  name,
  typicalSeconds: 60,
  recipe: [tree, readFileSync(entrypoint, 'utf8'), 2],
  make: async (scratch, archive) => {
    const layer = join(scratch, 'layer.tar');
    const script = join(scratch, 'entrypoint');
    copyFileSync(entrypoint, script);
    chmodSync(script, 0o755);
    const copy = `cp ${shellQuote(script)} "$1/usr/local/bin/entrypoint"`;
    await makeDebianTree({ ...tree, after: [...(tree.after ?? []), copy] }, layer);
    const path =
      'PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const env = [path, 'PGDATA=/var/lib/postgresql/data/pgdata', 'PGUSER=postgres', 'LANG=C.UTF-8'];
    await packImage({ name, entrypoint: ['/usr/local/bin/entrypoint'], env, layer }, scratch, archive);
  },
};
