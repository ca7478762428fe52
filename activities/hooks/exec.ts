import { messageOf } from '../../core/errors/catalog.ts';
import { formatDuration } from '../../core/format/duration.ts';
import type { Hook } from '../../core/hooks/hook.ts';
import { outputOf } from '../../core/hooks/output.ts';
import type { HookResult, HookStep } from '../../core/hooks/record.ts';
import { KubeError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { ExecResult, KubeClient, KubeObject } from '../../platform/kube/types.ts';

/** One attempt to run a hook. */
export interface HookAttempt {
  result: HookResult;
  /** What stood in the way may go away. */
  mayPass?: boolean;
  /** The command was certainly not begun. */
  unsent?: boolean;
}

interface Container {
  name: string;
  restartPolicy?: string;
}

interface Pod extends KubeObject {
  spec?: { containers?: Container[]; initContainers?: Container[] };
  status?: { phase?: string };
}

/**
 * Runs the command once, and keeps so many characters of what it printed. Throws nothing: what hinders it is the result
 * of the hook. A command that was begun is waited for, also when the run is cancelled: it cannot be stopped.
 */
export async function tryHook(
  kube: KubeClient,
  { pod, hook }: Pick<HookStep, 'pod' | 'hook'>,
  outputLimit: number,
): Promise<HookAttempt> {
  const { namespace, name } = pod;
  let container: string | HookResult;
  try {
    container = containerFor(await kube.find<Pod>(GVRS.pods, namespace, name), hook);
  } catch (error) {
    return { result: notRun(messageOf(error)), mayPass: true, unsent: true };
  }
  if (typeof container !== 'string') return { result: container };
  const { command, timeoutMs } = hook;
  try {
    return {
      result: ended(await kube.exec(namespace, name, container, command, { timeoutMs }), outputLimit),
    };
  } catch (error) {
    return hindered(error, hook);
  }
}

/** The container's name, or why the hook is not run. */
function containerFor(pod: Pod | undefined, hook: Hook): string | HookResult {
  if (!pod) return notRun('the pod is gone');
  const phase = pod.status?.phase ?? '';
  if (ENDED.includes(phase))
    return { state: 'skipped', message: `not run, because the pod has ended (${phase})` };
  const names = execContainers(pod);
  const name = hook.container || names[0];
  return name && names.includes(name) ? name : notRun(`no such container: "${hook.container}"`);
}

const ENDED = ['Succeeded', 'Failed'];

/** Init containers have ended, but for those that go on beside the others. */
const execContainers = ({ spec: { containers = [], initContainers = [] } = {} }: Pod): string[] =>
  [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always')].map(
    ({ name }) => name,
  );

const notRun = (message: string): HookResult => ({ state: 'failed', code: 'HookNotRun', message });

function ended({ exitCode, stdout, stderr }: ExecResult, outputLimit: number): HookResult {
  const output = outputOf(stdout, stderr, outputLimit);
  const kept = output ? { output } : {};
  if (exitCode === 0) return { state: 'done', message: 'ended with exit code 0', ...kept };
  const said = lastLine(stderr) || lastLine(stdout);
  const message = `ended with exit code ${exitCode}${said ? `: ${said}` : ''}`;
  return { state: 'failed', code: 'HookFailed', message, ...kept };
}

const LINE = 200;
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1)?.trim().slice(0, LINE) ?? '';

/** What is thrown by an exec that has no exit code; see platform/kube/exec.ts. */
function hindered(error: unknown, hook: Hook): HookAttempt {
  const message = messageOf(error);
  if (!(error instanceof KubeError)) return { result: notRun(message) };
  if (error.code !== 0) {
    const mayPass = error.code === 429 || (error.code >= 500 && !isRefusedByRuntime(message));
    return { result: notRun(message), mayPass };
  }
  if (error.reason === 'Unreachable' || error.reason === 'Credentials')
    return { result: notRun(message), mayPass: true, unsent: true };
  if (error.reason === 'Timeout') {
    return {
      result: unfinished(`timed out after ${formatDuration(hook.timeoutMs)}; the command may go on`),
    };
  }
  return {
    result: unfinished(`the connection was lost, so whether it ended is not known: ${message}`),
    mayPass: true,
  };
}

const unfinished = (message: string): HookResult => ({ state: 'unknown', code: 'HookUnfinished', message });

/** The container runs, but has no such program: that will be so next time. */
const isRefusedByRuntime = (message: string) => /exec failed|failed to start exec/.test(message);
