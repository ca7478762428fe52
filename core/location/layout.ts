/** What may stand at the top of a location; Velero takes a location with anything else for somebody else's. */
const KNOWN = new Set(['backups', 'restores', 'restic', 'metadata', 'plugins', 'kopia']);
/** More names than these are only counted. */
const SHOWN = 3;

/** What is wrong with the folders of a location, in Velero's words. */
export function foreignFolders(folders: readonly string[]): string | undefined {
  const foreign = folders.filter((name) => !KNOWN.has(name));
  if (foreign.length === 0) return undefined;
  const many = foreign.length > SHOWN;
  const names = foreign.slice(0, SHOWN).map((name) => JSON.stringify(name.slice(0, 63)).slice(1, -1));
  const list = [...names, ...(many ? ['...'] : [])].join(' ');
  return `Backup store contains ${many ? `${foreign.length} ` : ''}invalid top-level directories: [${list}]`;
}
