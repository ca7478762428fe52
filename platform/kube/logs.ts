import { GVRS, objectPath } from './gvr.ts';
import { LOG } from './limits.ts';
import { splitLines } from './lines.ts';
import type { Transport } from './transport.ts';

export interface LogOptions {
  container?: string;
  follow?: boolean;
  tailLines?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Lines of a container's log. With `follow` it ends when the container ends; a kubelet that goes away looks the same,
 * so ask the pod. Ends quietly when the signal aborts. Lines beyond LOG.lineBytes are cut.
 */
export async function* logLines(
  transport: Transport,
  namespace: string,
  pod: string,
  options: LogOptions = {},
): AsyncGenerator<string> {
  const { signal, container, follow, tailLines } = options;
  try {
    const chunks = await transport.open({
      path: objectPath(GVRS.pods, namespace, pod, 'log'),
      query: { container, follow, tailLines },
      accept: '*/*',
      signal,
    });
    yield* splitLines(chunks, { maxBytes: LOG.lineBytes, tooLong: 'cut' });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
