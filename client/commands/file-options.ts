import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import type { CommonOptions } from '../cli.ts';
import type { FileOptions } from '../files.ts';

/** Options of the commands that read files of the bucket. */
export interface StoreOptions extends CommonOptions {
  cacert?: string;
  insecureSkipTlsVerify?: boolean;
}

export interface DetailOptions extends StoreOptions {
  details?: boolean;
}

export function storeOptions(command: Command): Command {
  return command
    .option('--cacert <file>', 'CA of the object store, PEM (default: that of the location)')
    .option('--insecure-skip-tls-verify', 'take any certificate of the object store');
}

export const detailOptions = (command: Command): Command =>
  storeOptions(
    command.option('--details', 'with results, volumes, operations and all objects, from the bucket'),
  );

export function fileOptions({ cacert, insecureSkipTlsVerify }: StoreOptions): FileOptions {
  return {
    ...(cacert !== undefined && { ca: readCa(cacert) }),
    ...(insecureSkipTlsVerify && { skipTlsVerify: true }),
  };
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CaravelError('InvalidInput', `--cacert: ${messageOf(error)}`, {
      cause: error,
      hint: 'Give a file with PEM certificates.',
    });
  }
}
