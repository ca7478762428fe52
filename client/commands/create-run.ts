import type { Command } from 'commander';
import type { BackupSpec, CustomResource, RestoreSpec } from '../../contracts/api/index.ts';
import type { RunType } from '../../contracts/run.ts';
import type { CaravelClient, Created, NewRun, StartedBy } from '../caravel-client.ts';
import { flag, type Cli, type CommonOptions } from '../cli.ts';
import { parseBoolean, parseDurationFlag, parseList, parsePairs } from '../flags/values.ts';
import { parseOrSelectors, parseSelector } from '../flags/selector.ts';
import { document } from '../output/document.ts';
import { EXIT, exitCodeOfPhase, type ExitCode } from '../output/exit-codes.ts';
import { summary, waitWithProgress } from './wait.ts';
import type { LabelSelector } from '../../contracts/api/index.ts';

/** What `backup create` and `restore create` have in common. */
export interface CreateOptions extends CommonOptions {
  includeNamespaces?: string[];
  excludeNamespaces?: string[];
  includeResources?: string[];
  excludeResources?: string[];
  includeClusterResources?: boolean;
  selector?: LabelSelector;
  orSelector?: LabelSelector[];
  itemOperationTimeout?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  wait?: boolean;
  dryRun?: boolean;
}

/** Options that make up the spec. */
export function specOptions(command: Command): Command {
  const collect = (text: string, before: LabelSelector[] = []) => [...before, ...parseOrSelectors(text)];
  return command
    .option('--include-namespaces <a,b>', 'namespaces, with globs (default: all)', flag(parseList))
    .option('--exclude-namespaces <a,b>', 'namespaces to leave out', flag(parseList))
    .option('--include-resources <a,b>', 'resources (default: all)', flag(parseList))
    .option('--exclude-resources <a,b>', 'resources to leave out', flag(parseList))
    .option(
      '--include-cluster-resources <true|false>',
      'resources without a namespace: all or none (default: those that belong)',
      flag(parseBoolean),
    )
    .option(
      '-l, --selector <selector>',
      'only objects with these labels: k=v,k!=v,k in (a,b),!k',
      flag(parseSelector),
    )
    .option(
      '--or-selector <selectors>',
      'objects that any of these fits: "a=1 or b=2"; may be repeated',
      (text, before) => flag((value) => collect(value, before as LabelSelector[] | undefined))(text),
    )
    .option(
      '--item-operation-timeout <duration>',
      'longest time for one volume (default: 4h)',
      flag(parseDurationFlag),
    )
    .option('--annotations <a=1,b=2>', 'annotations of the resource', flag(parsePairs));
}

export function createOptions(command: Command): Command {
  return specOptions(command)
    .option('--labels <a=1,b=2>', 'labels of the resource', flag(parsePairs))
    .option('-w, --wait', 'wait for the end, with progress')
    .option('--dry-run', 'print the resource instead of creating it');
}

/** The part of both specs that the common options fill; what was not given stays out. */
export function commonSpec(options: CreateOptions): BackupSpec & RestoreSpec {
  return present({
    includedNamespaces: options.includeNamespaces,
    excludedNamespaces: options.excludeNamespaces,
    includedResources: options.includeResources,
    excludedResources: options.excludeResources,
    includeClusterResources: options.includeClusterResources,
    labelSelector: options.selector,
    orLabelSelectors: options.orSelector,
    itemOperationTimeout: options.itemOperationTimeout,
  });
}

export function present<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

export function metadataOf(options: CreateOptions): { labels?: Record<string, string> } {
  return present({ labels: options.labels, annotations: options.annotations });
}

/** What contradicts itself is told before anything is created. */
export function checkCreateOptions(command: Command, options: CreateOptions): void {
  if (options.selector && options.orSelector) {
    usageError(command, '--selector and --or-selector exclude each other; give one of them');
  }
  const lists = [
    ['namespaces', options.includeNamespaces, options.excludeNamespaces],
    ['resources', options.includeResources, options.excludeResources],
  ] as const;
  for (const [what, included = [], excluded = []] of lists) {
    const both = included.find((item) => excluded.includes(item));
    if (both !== undefined)
      usageError(command, `--include-${what} and --exclude-${what} both name "${both}"`);
    if (included.includes('*') && included.length > 1) {
      usageError(command, `--include-${what}: "*" stands for all, so give it alone`);
    }
    if (excluded.includes('*')) usageError(command, `--exclude-${what}: "*" would leave nothing`);
  }
}

export function usageError(command: Command, message: string): never {
  command.error(`error: ${message}`, { code: 'caravel.usage', exitCode: EXIT.usage });
}

export interface Creation<Spec> {
  type: RunType;
  input: NewRun<Spec>;
  create: (input: NewRun<Spec>) => Promise<Created<CustomResource>>;
  options: CreateOptions;
}

export async function createRun<Spec extends object>(
  cli: Cli,
  client: CaravelClient,
  { type, input, create, options }: Creation<Spec>,
): Promise<ExitCode> {
  const { output } = options;
  if (options.dryRun) {
    cli.terminal.out(document(client.manifest(type, input), output === 'table' ? 'yaml' : output));
    return EXIT.completed;
  }
  const begun = cli.terminal.now();
  const { resource, started } = await create(input);
  const silent = output !== 'table';
  if (!silent) announce(cli, type, input.name, started);
  if (!options.wait) {
    if (output !== 'table') cli.terminal.out(document(resource, output));
    return EXIT.completed;
  }
  const uid = resource.metadata.uid ?? '';
  const end = await waitWithProgress(cli, client, { type, name: input.name, uid, silent });
  if (!end) return EXIT.interrupted;
  if (output === 'table') cli.line(summary(end, cli.terminal.now() - begun, cli));
  else cli.terminal.out(document(await finalResource(client, type, input.name), output));
  return exitCodeOfPhase(end.phase);
}

const finalResource = (client: CaravelClient, type: RunType, name: string): Promise<CustomResource> =>
  type === 'backup' ? client.getBackup(name) : client.getRestore(name);

function announce(cli: Cli, type: RunType, name: string, started: StartedBy): void {
  if (started.by === 'temporal') {
    cli.note(`${type} ${name} created; workflow ${started.workflowId}`);
    return;
  }
  cli.note(`${type} ${name} created; Temporal cannot be reached from here, so the controller starts it`);
}
