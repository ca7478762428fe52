import type { Deps } from '../../activities/support/deps.ts';
import { loadConfig } from '../../platform/config/config.ts';
import { createLog } from '../../platform/log/log.ts';
import type { World } from './world.ts';

/** What activities are built from, in a world without a worker. The log keeps its lines for the test to read. */
export function depsOf(world: World): { deps: Deps; lines: string[] } {
  const lines: string[] = [];
  const log = createLog({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  const { kube, temporal, name } = world;
  const config = loadConfig({
    CARAVEL_CLUSTER: name,
    CONTROL_NAMESPACE: name,
    CARAVEL_TASK_QUEUE: name,
    MOVER_IMAGE: world.env.CARAVEL_IMAGE ?? 'localhost/none:1',
  });
  return { deps: { kube, temporal, config, log }, lines };
}
