import { InvalidArgumentError, type Command } from 'commander';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';
import type { CaravelClient, ConnectOptions } from './caravel-client.ts';
import { OUTPUTS, type Output } from './output/document.ts';
import { EXIT, exitCodeOfError, type ExitCode } from './output/exit-codes.ts';
import { makeColors, type Style } from './output/style.ts';

/** What commands have of the outside world; tests bring their own. */
export interface Terminal {
  /** Standard output: the result, and nothing else. */
  out(text: string): void;
  /** Standard error: progress, notes and errors. */
  err(text: string): void;
  /** Standard error where it can be drawn over; undefined = plain lines. */
  screen: NodeJS.WriteStream | undefined;
  /** Whether standard output shows colours. */
  colors: boolean;
  now(): number;
  /** Calls the handler at Ctrl-C instead of ending the process; returns how to undo that. */
  onInterrupt(handler: () => void): () => void;
}

export type Connect = (options: ConnectOptions) => CaravelClient;

/** Options that every command understands. */
export interface CommonOptions extends ConnectOptions {
  output: Output;
}

export class Cli {
  readonly terminal: Terminal;
  readonly #connect: Connect;
  exitCode: ExitCode = EXIT.completed;

  constructor(terminal: Terminal, connect: Connect) {
    this.terminal = terminal;
    this.#connect = connect;
  }

  get style(): Style {
    return { colors: makeColors(this.terminal.colors), now: this.terminal.now() };
  }

  line(text: string): void {
    this.terminal.out(`${text}\n`);
  }

  note(text: string): void {
    this.terminal.err(`${text}\n`);
  }

  /** Runs a command with a client; every error ends here, as one sentence and an exit code. */
  async perform(options: ConnectOptions, work: (client: CaravelClient) => Promise<ExitCode>): Promise<void> {
    let client: CaravelClient | undefined;
    try {
      client = this.#open(options);
      this.exitCode = await work(client);
    } catch (error) {
      this.fail(error);
    } finally {
      await client?.close().catch(() => undefined);
    }
  }

  /** Without a readable kubeconfig there is no cluster to reach. */
  #open({ namespace, kubeconfig, context }: ConnectOptions): CaravelClient {
    const options = {
      ...(namespace !== undefined && { namespace }),
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(context !== undefined && { context }),
    };
    try {
      return this.#connect(options);
    } catch (error) {
      throw new CaravelError('KubeUnavailable', messageOf(error), { cause: error });
    }
  }

  fail(error: unknown): void {
    this.exitCode = exitCodeOfError(error);
    this.note(`${makeColors(this.terminal.colors).red('error')}: ${sentence(error)}`);
  }
}

function sentence(error: unknown): string {
  const message = messageOf(error).trim().replace(/\.$/, '');
  if (!(error instanceof CaravelError)) return message;
  const reach = error.code === 'KubeUnavailable' ? `cannot reach the cluster: ${message}` : message;
  return `${reach}. ${error.code === 'KubeUnavailable' ? CLUSTER_HINT : error.hint}`;
}

const CLUSTER_HINT = 'Check --kubeconfig or KUBECONFIG, and that the API server runs.';

/** Makes a parser of a flag's value whose errors commander shows with the name of the flag. */
export function flag<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(`${messageOf(error)}.`);
    }
  };
}

export function connectionOptions(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'control namespace (default: $CONTROL_NAMESPACE, then openshift-adp)')
    .option('--kubeconfig <file>', 'kubeconfig (default: $KUBECONFIG, then ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig');
}

export function outputOption(command: Command): Command {
  const parse = flag((text: string) => {
    const known = OUTPUTS.find((each) => each === text);
    if (known === undefined) throw new Error(`"${text}" is no output: write ${OUTPUTS.join(', ')}`);
    return known;
  });
  return command.option('-o, --output <form>', OUTPUTS.join(', '), parse, 'table');
}
