/** AWS's shared-credentials file, the content of the Secret that a BackupStorageLocation names. */

export interface StaticCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export type IniFile = Map<string, Map<string, string>>;

/** Sections of an ini file; later values win, names of settings are not case-sensitive. */
export function parseIni(text: string): IniFile {
  const file: IniFile = new Map();
  let section: Map<string, string> | undefined;
  for (const raw of text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)) {
    const line = raw.trim();
    const heading = /^\[\s*(?:profile\s+)?([^\]]+?)\s*\]/.exec(line)?.[1];
    if (heading !== undefined) {
      section = file.get(heading) ?? new Map<string, string>();
      file.set(heading, section);
    } else if (section && !isComment(line)) {
      addSetting(section, line);
    }
  }
  return file;
}

const isComment = (line: string) => line === '' || line.startsWith('#') || line.startsWith(';');

function addSetting(section: Map<string, string>, line: string): void {
  const equals = line.indexOf('=');
  if (equals < 1) return;
  // A comment may follow after white space; a key of its own may hold `#` and `;`.
  const value = line.slice(equals + 1).replace(/\s[#;].*$/, '');
  section.set(line.slice(0, equals).trim().toLowerCase(), value.trim());
}

/** The keys of a profile, or what is wrong with the file; never with a part of the file in the words. */
export function profileCredentials(text: string, profile: string): StaticCredentials | { fault: string } {
  const settings = parseIni(text).get(profile);
  if (!settings) return { fault: `has no profile [${profile}]` };
  const accessKeyId = settings.get('aws_access_key_id');
  const secretAccessKey = settings.get('aws_secret_access_key');
  const sessionToken = settings.get('aws_session_token');
  if (!accessKeyId) return { fault: `has no aws_access_key_id in profile [${profile}]` };
  if (!secretAccessKey) return { fault: `has no aws_secret_access_key in profile [${profile}]` };
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}
