/** What a hook printed, as it is kept for the log: beginning and end when it is too long. */
export function outputOf(stdout: string, stderr: string, limit: number): string {
  const parts = [stdout, stderr].map((text) => text.trimEnd()).filter((text) => text !== '');
  return shortened(parts.join('\n'), limit);
}

export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const half = Math.floor(limit / 2);
  const left = text.length - 2 * half;
  return `${text.slice(0, half)}\n… ${left} characters left out …\n${text.slice(text.length - half)}`;
}
