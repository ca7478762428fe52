import { partOf, partsOf, textOf } from './manifest.ts';
import type { Manifest, Part } from './manifest.ts';

/** Labels by which a Job knows its pods: its old uid. The API server adds those of the new one. */
const UID_LABELS = ['controller-uid', 'batch.kubernetes.io/controller-uid'];

export function transformJob(object: Manifest): void {
  const spec = partOf(object['spec']);
  const selected = partOf(partOf(spec['selector'])['matchLabels']);
  const labels = partOf(partOf(partOf(spec['template'])['metadata'])['labels']);
  for (const label of UID_LABELS) {
    delete selected[label];
    delete labels[label];
  }
}

/** The switch of old definitions is not allowed any more in v1; its meaning moves into the schema. */
export function transformDefinition(object: Manifest): void {
  const spec = partOf(object['spec']);
  if (object.apiVersion !== 'apiextensions.k8s.io/v1' || spec['preserveUnknownFields'] !== true) return;
  spec['preserveUnknownFields'] = false;
  for (const version of partsOf(spec['versions'])) {
    const schema = partOf(version['schema'])['openAPIV3Schema'] as Part | undefined;
    if (schema) schema['x-kubernetes-preserve-unknown-fields'] = true;
  }
}

/** v1 takes only webhooks without side effects; v1beta1 allowed others. */
export function transformWebhooks(object: Manifest): void {
  if (object.apiVersion !== 'admissionregistration.k8s.io/v1') return;
  for (const webhook of partsOf(object['webhooks'])) {
    if (!['None', 'NoneOnDryRun'].includes(textOf(webhook['sideEffects']))) webhook['sideEffects'] = 'None';
  }
}
