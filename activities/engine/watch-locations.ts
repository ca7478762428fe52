import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { GVR } from '../../contracts/api/gvr.ts';
import type { BackupStorageLocation } from '../../contracts/api/location.ts';
import { readResource } from '../../contracts/api/meta.ts';
import { locationWorkflowId } from '../../contracts/ids.ts';
import { OUTAGE_RETRY } from '../../contracts/settings.ts';
import { messageOf } from '../../core/errors/catalog.ts';
import type { Deps } from '../support/deps.ts';
import { pause } from '../support/pause.ts';
import { checkInterval, repeatCheck } from './location-schedule.ts';

/** Has every location tested when it is made or changed, and from then on by a Temporal Schedule. */
export async function watchLocations(deps: Deps, namespace: string, signal: AbortSignal): Promise<void> {
  const watch = new LocationWatch(deps, namespace, signal);
  while (!signal.aborted) {
    try {
      await watch.run();
    } catch (error) {
      // The controller starts runs, too: they must not wait for this.
      deps.log.warn('locations cannot be watched', { error: messageOf(error) });
      await pause(OUTAGE_RETRY.maximumIntervalMs, signal);
    }
  }
}

class LocationWatch {
  readonly #deps: Deps;
  readonly #namespace: string;
  readonly #signal: AbortSignal;
  /** Specs as they were arranged for, by name; the status changes with each test. */
  readonly #seen = new Map<string, string>();

  constructor(deps: Deps, namespace: string, signal: AbortSignal) {
    this.#deps = deps;
    this.#namespace = namespace;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const options = { namespace: this.#namespace, signal: this.#signal };
    for await (const { type, object } of this.#deps.kube.watch(GVR.backupStorageLocations, options)) {
      if (!object) continue;
      const location = readResource<BackupStorageLocation>(object);
      if (type === 'DELETED') await this.#forget(location.metadata.name);
      else await this.#arrange(location);
    }
  }

  async #arrange({ metadata, spec }: BackupStorageLocation): Promise<void> {
    // Being the default is no matter of the store, and the test itself changes it.
    const state = JSON.stringify([metadata.uid, { ...spec, default: undefined }]);
    if (this.#seen.get(metadata.name) === state) return;
    await repeatCheck(this.#deps, this.#namespace, metadata.name, checkInterval(spec));
    await this.#checkNow(metadata.name);
    this.#seen.set(metadata.name, state);
  }

  /** A deletion is a change, too: the test tells it to the repositories and ends the Schedule. */
  async #forget(name: string): Promise<void> {
    this.#seen.delete(name);
    await this.#checkNow(name);
  }

  async #checkNow(location: string): Promise<void> {
    const { temporal, config } = this.#deps;
    try {
      await temporal.workflow.start('checkLocation', {
        workflowId: locationWorkflowId(config.cluster, this.#namespace, location),
        taskQueue: config.taskQueue,
        args: [{ namespace: this.#namespace, location, changed: true }],
        staticSummary: `test of location ${location}`,
      });
    } catch (error) {
      // A test of the state before is under way; the Schedule's next one sees this state.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }
}
