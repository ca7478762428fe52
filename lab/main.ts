import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { locateBinaries } from './build/binaries.ts';
import { optionalGroups } from './build/recipes.ts';
import { components, findComponent } from './cluster/components.ts';
import { takeDown } from './cluster/down.ts';
import { logFile, recordedProcesses } from './cluster/processes.ts';
import { startComponent, stopComponent } from './cluster/start.ts';
import { printStatus } from './cluster/status.ts';
import { printStorage } from './cluster/storage-listing.ts';
import { bringUp } from './cluster/up.ts';
import type { Fault } from './csi/faults.ts';
import { defaultLabName, exportLines, labEnv } from './env.ts';
import { clusterVariables } from './existing-cluster.ts';
import { addFaults, clearFaults, readFaults } from './fault-commands.ts';
import { deploy, deployTo, loadImage, loadTestImages } from './image-commands.ts';
import { requireLab } from './layout.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface LabOption {
  name: string;
}

interface ClusterOption {
  kubeconfig?: string;
}

const kubeconfigOption = () =>
  new Option('--kubeconfig <file>', "another cluster than the lab's, which is described by the environment");

const program = new Command('lab')
  .description('A real one-node Kubernetes with snapshots, Temporal and S3')
  .showHelpAfterError();

/** A command with the option that all have in common. */
function command(usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .option('-n, --name <name>', 'which lab', defaultLabName);
}

command('up', 'build what is missing, start the lab, repair a running one')
  .addOption(
    new Option('--with <group...>', 'also have what is optional').choices(optionalGroups).default([]),
  )
  .action(async ({ name, with: extras }: LabOption & { with: string[] }) => {
    await bringUp(name, say, extras);
  });

command('down', 'remove the lab and everything of it').action(({ name }: LabOption) => takeDown(name, say));

command('status', 'the components and their health')
  .option('-o, --output <format>', 'table or json', 'table')
  .action(async ({ name, output }: LabOption & { output: string }) => {
    const healthy = await printStatus(requireLab(name), output === 'json');
    if (!healthy) process.exitCode = 1;
  });

command('env', 'print what a shell or a test needs to use the lab')
  .option('-o, --output <format>', 'shell or json', 'shell')
  .addOption(kubeconfigOption())
  .action(({ name, output, kubeconfig }: LabOption & ClusterOption & { output: string }) => {
    const environment = kubeconfig ? clusterVariables(kubeconfig, process.env) : labEnv(name);
    console.log(output === 'json' ? JSON.stringify(environment, null, 2) : exportLines(environment));
  });

const names = components.map((component) => component.name).join(', ');

command('start <component>', `start a component (${names})`).action(
  async (component: string, { name }: LabOption) => {
    const fresh = await startComponent(requireLab(name), locateBinaries(), findComponent(component));
    say(`${component} ${fresh ? 'serves' : 'is already running'}`);
  },
);

command('stop <component>', 'stop a component')
  .option('-s, --signal <signal>', 'TERM or KILL', 'TERM')
  .action(async (component: string, { name, signal }: LabOption & { signal: string }) => {
    const was = await stopComponent(requireLab(name), component, signalName(signal));
    say(`${component} ${was ? 'stopped' : 'was not running'}`);
  });

command('restart <component>', 'stop and start a component')
  .option('-s, --signal <signal>', 'TERM or KILL', 'TERM')
  .action(async (component: string, { name, signal }: LabOption & { signal: string }) => {
    const lab = requireLab(name);
    await stopComponent(lab, component, signalName(signal));
    await startComponent(lab, locateBinaries(), findComponent(component));
    say(`${component} serves`);
  });

command('logs [component]', 'show the log of one component or of all')
  .option('-f, --follow', 'go on as it grows')
  .option('-t, --tail <lines>', 'how many lines', '100')
  .action((component: string | undefined, options: LabOption & { follow?: boolean; tail: string }) => {
    const lab = requireLab(options.name);
    const wanted = component ? [findComponent(component).name] : recordedProcesses(lab);
    const files = wanted.map((each) => logFile(lab, each)).filter((file) => existsSync(file));
    // Without a file, tail would read from the terminal.
    if (files.length === 0) throw new Error(`there is no log of ${component ?? 'anything'} yet`);
    const follow = options.follow ? ['-F'] : [];
    spawn('tail', ['-n', options.tail, ...follow, ...files], {
      stdio: 'inherit',
    });
  });

command('storage', 'list the volumes and snapshots that the storage driver holds')
  .option('-o, --output <format>', 'table or json', 'table')
  .action(({ name, output }: LabOption & { output: string }) =>
    printStorage(requireLab(name), output === 'json'),
  );

command('deploy', 'build the Caravel image, load it, apply the manifests')
  .addOption(new Option('--image-only', 'only build and load').conflicts('kubeconfig'))
  .addOption(kubeconfigOption())
  .action(async ({ name, imageOnly, kubeconfig }: LabOption & ClusterOption & { imageOnly?: boolean }) => {
    if (kubeconfig) await deployTo(clusterVariables(kubeconfig, process.env), say);
    else await deploy(requireLab(name), imageOnly ?? false, say);
  });

command('load-image <file>', 'load an OCI or Docker image archive').action(
  (file: string, { name }: LabOption) => loadImage(requireLab(name), file, say),
);

command('images', 'make and load the images of the demonstration and the tests').action(
  ({ name }: LabOption) => loadTestImages(requireLab(name), say),
);

const fault = program.command('fault').description('make the storage driver slow, failing or hanging');

fault
  .command('set <json>')
  .description(
    'add faults: {"call":"CreateSnapshot","match":"pvc name","delayMs":500,"error":{"code":"UNAVAILABLE","message":"…"},"times":2}',
  )
  .option('-n, --name <name>', 'which lab', defaultLabName)
  .action((json: string, { name }: LabOption) => {
    addFaults(requireLab(name), [JSON.parse(json)].flat() as Fault[]);
  });

fault
  .command('list')
  .option('-n, --name <name>', 'which lab', defaultLabName)
  .action(({ name }: LabOption) => console.log(JSON.stringify(readFaults(requireLab(name)), null, 2)));

fault
  .command('clear')
  .option('-n, --name <name>', 'which lab', defaultLabName)
  .action(({ name }: LabOption) => clearFaults(requireLab(name)));

function signalName(text: string): NodeJS.Signals {
  if (text === 'TERM' || text === 'KILL') return `SIG${text}`;
  throw new Error(`"${text}" is no signal that stop knows: TERM or KILL`);
}

try {
  await program.parseAsync();
} catch (error) {
  say(pc.red((error as Error).message));
  process.exitCode = 1;
}
