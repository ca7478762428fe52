import type { Restore } from '../../contracts/api/restore.ts';
import { validName } from '../../contracts/ids.ts';
import type { RunRef } from '../../contracts/run.ts';
import type { RestoreChanges } from '../../core/model.ts';
import type { TransformSettings } from '../../core/transform/transform.ts';
import type { RunContext } from '../support/context.ts';

export const provenanceOf = (run: RunRef, context: RunContext<Restore>) => ({
  backup: validName(context.resource.spec.backupName ?? ''),
  restore: validName(run.name),
});

/** What is changed in objects on their way. */
export function transformSettings(
  run: RunRef,
  context: RunContext<Restore>,
  { images, classes, knownClasses }: RestoreChanges,
): TransformSettings {
  const { namespaceMapping, preserveNodePorts } = context.resource.spec;
  return {
    namespaces: namespaceMapping ?? {},
    preserveNodePorts: preserveNodePorts === true,
    images,
    classes: { changes: classes, known: knownClasses },
    provenance: provenanceOf(run, context),
  };
}
