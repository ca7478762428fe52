import { describeTree, fillRandom, makeTree } from './tree.ts';

/** Runs inside the lab's mount namespace, where the volumes are: `make PATH`, `describe PATH`, `random PATH COUNT BYTES`. */
const [verb, path = '', count = '', bytes = ''] = process.argv.slice(2);
if (verb === 'make') makeTree(path);
else if (verb === 'random') fillRandom(path, Number(count), Number(bytes));
else process.stdout.write(`${JSON.stringify(describeTree(path))}\n`);
