import Table from 'cli-table3';
import { oneLine } from './format.ts';

/** Columns without lines, as kubectl prints them: easy on the eye and on `awk`. */
const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '   ',
};

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const style = { 'padding-left': 0, 'padding-right': 0, head: [], border: [] };
  const result = new Table({ chars: NO_LINES, style, ...(head.length > 0 && { head: [...head] }) });
  // A line break in a cell (a message of a driver) would tear the table.
  result.push(...rows.map((row) => row.map(oneLine)));
  return result
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
