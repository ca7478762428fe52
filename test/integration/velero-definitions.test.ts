import { describe, expect, test } from 'vitest';
import { labEnv } from '../../lab/env.ts';
import { veleroDefinitions } from '../../lab/velero/manifest.ts';
import { crdObjects } from '../support/cluster.ts';
import { lostBy } from '../support/crd-superset.ts';
import { hasVelero } from '../support/velero.ts';

/** Stock Velero, asked itself. Needs `lab up --with velero`. */

describe.skipIf(!hasVelero())('beside Velero', () => {
  test('our definitions take everything that its own definitions take', async () => {
    const ours = new Map(crdObjects().map((definition) => [definition.metadata.name, definition]));
    const theirs = await veleroDefinitions(labEnv());
    expect(theirs.length).toBeGreaterThan(10);
    const lost = theirs.flatMap((definition) => {
      const own = ours.get(definition.metadata.name);
      return own ? lostBy(own, definition) : [`no ${definition.metadata.name}`];
    });
    expect(lost).toEqual([]);
  });
});
