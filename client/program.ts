import { Command, CommanderError } from 'commander';
import { caravelVersion } from '../platform/config/version.ts';
import { Cli, type Connect, type Terminal } from './cli.ts';
import { addBackupCreate } from './commands/backup-create.ts';
import { addBackupDescribe } from './commands/backup-describe.ts';
import { addBackupDownload } from './commands/backup-download.ts';
import { addBackupGet } from './commands/backup-get.ts';
import { addBackupPlan } from './commands/backup-plan.ts';
import { addRestoreCreate } from './commands/restore-create.ts';
import { addRestoreDescribe } from './commands/restore-describe.ts';
import { addRestoreGet } from './commands/restore-get.ts';
import { addRunLogs } from './commands/run-logs.ts';
import { addVersion } from './commands/version.ts';
import { EXIT, type ExitCode } from './output/exit-codes.ts';

function buildProgram(cli: Cli): Command {
  const program = new Command('caravel')
    .description('Durable backup and restore of Kubernetes applications')
    .version(caravelVersion(), '-v, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.terminal.out(text),
      writeErr: (text) => cli.terminal.err(text),
    })
    .showHelpAfterError('Add --help for the options.');
  const backup = program.command('backup').description('back up applications');
  addBackupCreate(backup, cli);
  addBackupGet(backup, cli);
  addBackupDescribe(backup, cli);
  addRunLogs(backup, cli, 'backup');
  addBackupDownload(backup, cli);
  addBackupPlan(backup, cli);
  const restore = program.command('restore').description('restore backups');
  addRestoreCreate(restore, cli);
  addRestoreGet(restore, cli);
  addRestoreDescribe(restore, cli);
  addRunLogs(restore, cli, 'restore');
  addVersion(program, cli);
  return program;
}

const BOOLEAN_FLAGS = new Set([
  '--snapshot-move-data',
  '--include-cluster-resources',
  '--default-volumes-to-fs-backup',
  '--restore-volumes',
  '--preserve-nodeports',
  '--write-sparse-files',
]);

/**
 * A flag that is true or false may stand alone (`--flag NAME`), as with kubectl: what follows is its value only when
 * it is one.
 */
export function expandBooleans(args: readonly string[]): string[] {
  return args.map((arg, index) => {
    const next = args[index + 1];
    return BOOLEAN_FLAGS.has(arg) && next !== 'true' && next !== 'false' ? `${arg}=true` : arg;
  });
}

/** Runs one command line; `args` are those after the program's name. */
export async function run(args: readonly string[], terminal: Terminal, connect: Connect): Promise<ExitCode> {
  const cli = new Cli(terminal, connect);
  try {
    await buildProgram(cli).parseAsync(expandBooleans(args), { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.completed : EXIT.usage;
    cli.fail(error);
    return cli.exitCode;
  }
}
