import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from '../build/binaries.ts';
import { startTimeoutMs, waitUntil } from '../host/command.ts';
import type { Lab } from '../layout.ts';
import { type Component, components, findComponent } from './components.ts';
import { isHealthy } from './health.ts';
import { isRunning, logFile, logTail, startProcess, stopProcess } from './processes.ts';

/** Starts one component when it does not run, and waits until it serves. */
export async function startComponent(lab: Lab, binaries: Binaries, component: Component): Promise<boolean> {
  const fresh = !isRunning(lab, component.name);
  if (fresh) startProcess(lab, component.name, component.launch(lab, binaries));
  await waitHealthy(lab, component);
  return fresh;
}

export async function waitHealthy(lab: Lab, component: Component): Promise<void> {
  const { name } = component;
  try {
    await waitUntil(`${name} serving`, startTimeoutMs, async () => {
      if (!isRunning(lab, name)) throw new Error(`${name} ended`);
      return isHealthy(component.health(lab));
    });
  } catch (error) {
    const tail = logTail(lab, name, 15);
    const text = `${(error as Error).message}. The end of ${logFile(lab, name)}:\n${tail}`;
    throw new Error(text, { cause: error });
  }
}

/** Starts every component as soon as those that it needs are healthy. Returns the names of those newly started. */
export async function startComponents(
  lab: Lab,
  binaries: Binaries,
  afterApiserver: () => Promise<void>,
): Promise<string[]> {
  for (const dir of ['temporal', 's3/data', 's3/metadata'])
    mkdirSync(join(lab.dir, dir), { recursive: true });
  const started: string[] = [];
  const ready = new Map<string, Promise<void>>();
  for (const component of components) {
    const work = async (): Promise<void> => {
      await Promise.all(component.after.map((name) => ready.get(name) ?? Promise.resolve()));
      if (await startComponent(lab, binaries, component)) started.push(component.name);
      if (component.name === 'apiserver') await afterApiserver();
    };
    ready.set(component.name, work());
  }
  // Every start is awaited, so that a failure is reported when nothing is in flight any more.
  const results = await Promise.allSettled(ready.values());
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return started;
}

export async function stopComponent(lab: Lab, name: string, how: NodeJS.Signals): Promise<boolean> {
  return stopProcess(lab, findComponent(name).name, how);
}
