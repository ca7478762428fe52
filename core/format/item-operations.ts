import type { ItemId } from './tarball.ts';
import { renderDocument } from './json.ts';

/** Asynchronous operations of a backup or restore, as `…-itemoperations.json.gz` holds them. */

/** Capital letters are Velero's. */
export interface ResourceIdentifier {
  Group: string;
  Resource: string;
  Namespace: string;
  Name: string;
}

export interface OperationStatus {
  phase: 'New' | 'InProgress' | 'Completed' | 'Failed';
  error?: string | undefined;
  nCompleted?: number | undefined;
  nTotal?: number | undefined;
  operationUnits?: string | undefined;
  description?: string | undefined;
  created?: string | undefined;
  started?: string | undefined;
  updated?: string | undefined;
}

export interface BackupOperation {
  spec: {
    backupName: string;
    backupUID: string;
    backupItemAction: string;
    resourceIdentifier: ResourceIdentifier;
    operationID: string;
    postOperationItems: ResourceIdentifier[] | null;
  };
  status: OperationStatus;
}

export interface RestoreOperation {
  spec: {
    restoreName: string;
    restoreUID: string;
    restoreItemAction: string;
    resourceIdentifier: ResourceIdentifier;
    operationID: string;
  };
  status: OperationStatus;
}

/** Names of the actions that Velero knows for claims; stock Velero and its CLI show and expect them. */
export const CLAIM_BACKUP_ACTION = 'velero.io/csi-pvc-backupper';
export const CLAIM_RESTORE_ACTION = 'velero.io/csi-pvc-restorer';

export function resourceIdentifier(item: ItemId): ResourceIdentifier {
  const [resource = '', ...group] = item.groupResource.split('.');
  return { Group: group.join('.'), Resource: resource, Namespace: item.namespace ?? '', Name: item.name };
}

interface OperationInput {
  uid: string;
  action: string;
  item: ItemId;
  operationId: string;
  status: OperationStatus;
}

export function backupOperation(
  input: OperationInput & { backup: string; postOperationItems?: ItemId[] },
): BackupOperation {
  return {
    spec: {
      backupName: input.backup,
      backupUID: input.uid,
      backupItemAction: input.action,
      resourceIdentifier: resourceIdentifier(input.item),
      operationID: input.operationId,
      postOperationItems: input.postOperationItems?.map(resourceIdentifier) ?? null,
    },
    status: withoutEmpty(input.status),
  };
}

export function restoreOperation(input: OperationInput & { restore: string }): RestoreOperation {
  return {
    spec: {
      restoreName: input.restore,
      restoreUID: input.uid,
      restoreItemAction: input.action,
      resourceIdentifier: resourceIdentifier(input.item),
      operationID: input.operationId,
    },
    status: withoutEmpty(input.status),
  };
}

export const renderOperations = (operations: (BackupOperation | RestoreOperation)[]): string =>
  renderDocument(operations);

/** Zero values are left out, as Go does. */
function withoutEmpty(status: OperationStatus): OperationStatus {
  const kept = Object.entries(status).filter(
    ([, value]) => value !== undefined && value !== '' && value !== 0,
  );
  return Object.fromEntries(kept) as unknown as OperationStatus;
}
