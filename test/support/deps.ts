import type { Deps } from '../../activities/support/deps.ts';
import { createLog } from '../../platform/log/log.ts';
import type { World } from './world.ts';

/** What activities are built from, in a world without a worker. The log keeps its lines for the test to read. */
export function depsOf(world: World): { deps: Deps; lines: string[] } {
  const lines: string[] = [];
  const log = createLog({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  const { kube, temporal, name } = world;
  const config = { cluster: name, namespace: name, taskQueue: name };
  return { deps: { kube, temporal, config, log } as unknown as Deps, lines };
}
