import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeTree, makeTree } from './tree.ts';

/** Runs inside the lab's mount namespace, where the volumes are: `make PATH`, `describe PATH`, `random PATH COUNT BYTES`. */
const [verb, path = '', count = '', bytes = ''] = process.argv.slice(2);
if (verb === 'make') makeTree(path);
else if (verb === 'random') {
  // With the time of now: Kopia takes a file of the same size and time for unchanged.
  for (let index = 0; index < Number(count); index++)
    writeFileSync(join(path, `file-${index}`), randomBytes(Number(bytes)));
} else process.stdout.write(`${JSON.stringify(describeTree(path))}\n`);
