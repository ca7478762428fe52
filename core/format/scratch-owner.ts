/** The `owner` object of a scratch area: which run it belongs to, and which Caravel can tell whether that goes on. */
export interface ScratchOwner {
  workflowId: string;
  /** Uid of the namespace kube-system. Clusters that share a bucket may have the same name, but not this. */
  clusterUid: string;
  /** Where the workflow id means something. */
  temporalNamespace: string;
}

const VERSION = 1;
const FIELDS = ['workflowId', 'clusterUid', 'temporalNamespace'] as const;

export const formatScratchOwner = ({ workflowId, clusterUid, temporalNamespace }: ScratchOwner): string =>
  JSON.stringify({ version: VERSION, workflowId, clusterUid, temporalNamespace });

/** Undefined for everything that is not understood: whoever can write into the bucket may have written it. */
export function parseScratchOwner(text: string): ScratchOwner | undefined {
  const found = objectIn(text);
  if (found['version'] !== VERSION) return undefined;
  const [workflowId, clusterUid, temporalNamespace] = FIELDS.map((field) => found[field]);
  if (!isText(workflowId) || !isText(clusterUid) || !isText(temporalNamespace)) return undefined;
  return { workflowId, clusterUid, temporalNamespace };
}

function objectIn(text: string): Record<string, unknown> {
  try {
    // What is no object has no version either.
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
