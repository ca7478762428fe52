#!/usr/bin/env node
import pc from 'picocolors';
import { CaravelClient } from './caravel-client.ts';
import type { Terminal } from './cli.ts';
import { run } from './program.ts';

const { stdout, stderr } = process;

const terminal: Terminal = {
  out: (text) => void stdout.write(text),
  err: (text) => void stderr.write(text),
  screen: stderr.isTTY ? stderr : undefined,
  colors: pc.isColorSupported && stdout.isTTY,
  now: () => Date.now(),
  onInterrupt(handler) {
    // Once: a second Ctrl-C ends the process as ever.
    process.once('SIGINT', handler);
    return () => void process.off('SIGINT', handler);
  },
};

process.exitCode = await run(process.argv.slice(2), terminal, (options) => CaravelClient.connect(options));
