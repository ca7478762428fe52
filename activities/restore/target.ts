import type { ErrorCode } from '../../core/errors/catalog.ts';
import { problem } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import type { ItemResult } from '../../core/restore/report.ts';
import type { Manifest } from '../../core/transform/manifest.ts';
import type { Gvr } from '../../platform/kube/types.ts';

/** An object on its way into the cluster. */
export interface Target {
  gvr: Gvr;
  groupResource: string;
  /** In the cluster; undefined = cluster-scoped. */
  namespace: string | undefined;
  /** As it is stored; from its transformation on, as it will be created. */
  object: Manifest;
  item: ItemResult['item'];
}

export function problemAt(
  { item: { namespace = '', resource, name } }: Pick<Target, 'item'>,
  severity: Problem['severity'],
  code: ErrorCode,
  message: string,
): Problem {
  return problem(severity, 'applyChunk', code, message, { namespace, resource, name });
}
