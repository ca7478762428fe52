import type { ResourceRef } from '../model.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import type { ResourceFilter } from './resource-filter.ts';

/** What a resource type must offer to be backed up and restored. */
const VERBS = ['list', 'get', 'create', 'delete'];

interface OfferedType extends ResourceRef {
  verbs: readonly string[];
}

export const isBackedUp = ({ verbs }: OfferedType) => VERBS.every((verb) => verbs.includes(verb));

export interface UnreadGroup {
  group: string;
  message: string;
  /** What it had when it answered last; empty when nobody knows. */
  resources: readonly OfferedType[];
}

/** Measured values, that nobody can create. */
const METRICS = ['metrics.k8s.io', 'custom.metrics.k8s.io', 'external.metrics.k8s.io'];

/**
 * API groups that do not answer. Where objects are or may be missing in the backup, that is an error; where the
 * backup would hold nothing of the group anyway, a warning.
 */
export const unreadGroups = (groups: readonly UnreadGroup[], filter: ResourceFilter): Problem[] =>
  groups.map(({ group, message, resources }) => {
    const missing =
      resources.length > 0
        ? resources.some((resource) => isBackedUp(resource) && filter.lists(resource))
        : !METRICS.includes(group) && filter.mayListOf(group);
    const severity = missing ? 'error' : 'warning';
    return problem(severity, 'plan', 'KubeUnavailable', `API group ${group} cannot be read: ${message}`);
  });
