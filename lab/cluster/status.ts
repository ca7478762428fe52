import pc from 'picocolors';
import type { Lab } from '../layout.ts';
import { components } from './components.ts';
import { isHealthy } from './health.ts';
import { isRunning, readProcess } from './processes.ts';

interface ComponentStatus {
  component: string;
  pid: number | undefined;
  upSince: string | undefined;
  healthy: boolean;
}

/** Prints one line for each component and says whether all are healthy. */
export async function printStatus(lab: Lab, json: boolean): Promise<boolean> {
  const rows = await Promise.all(
    components.map(async (component): Promise<ComponentStatus> => {
      const running = isRunning(lab, component.name);
      const record = running ? readProcess(lab, component.name) : undefined;
      const healthy = running && (await isHealthy(component.health(lab)));
      return { component: component.name, pid: record?.pid, upSince: record?.startedAt, healthy };
    }),
  );
  if (json) console.log(JSON.stringify({ lab: lab.name, address: lab.address, components: rows }, null, 2));
  else printTable(lab, rows);
  return rows.every((row) => row.healthy);
}

function printTable(lab: Lab, rows: ComponentStatus[]): void {
  console.log(`lab ${lab.name} at ${lab.address}, files in ${lab.dir}\n`);
  console.log(pc.dim('COMPONENT            PID      UP SINCE                  HEALTHY'));
  for (const row of rows) {
    const health = row.healthy ? pc.green('yes') : pc.red(row.pid ? 'no' : 'not running');
    const [pid, since] = [String(row.pid ?? '-'), row.upSince ?? '-'];
    console.log(`${row.component.padEnd(20)} ${pid.padEnd(8)} ${since.padEnd(25)} ${health}`);
  }
}
