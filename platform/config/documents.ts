import { parse } from 'yaml';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';

/** The one document that a ConfigMap holds, whatever its key is called; YAML, and therefore JSON as well. */
export function documentOf(configMap: { data?: Record<string, string> | undefined }, name: string): unknown {
  const entries = Object.values(configMap.data ?? {});
  if (entries.length !== 1) {
    throw new CaravelError(
      'InvalidInput',
      `ConfigMap ${name} must have exactly one data key, it has ${entries.length}`,
    );
  }
  return parseYaml(entries[0] ?? '');
}

function parseYaml(text: string): unknown {
  try {
    return parse(text, { merge: true });
  } catch (error) {
    throw new CaravelError('InvalidInput', messageOf(error).split('\n', 1)[0] ?? '', { cause: error });
  }
}
