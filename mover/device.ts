import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';

/** Size in bytes of a block device, or of a plain file that stands for one. */
export function deviceSize(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new CaravelError('VolumeUnreadable', `cannot open the volume: ${messageOf(error)}`);
  }
  try {
    const stat = fstatSync(fd);
    if (stat.isFile()) return stat.size;
    if (stat.isBlockDevice()) return endOf(fd);
    throw new CaravelError('VolumeUnreadable', `${path} is no block device`);
  } finally {
    closeSync(fd);
  }
}

/**
 * Finds the end by reading single bytes, because node cannot seek: a device reports size 0, and /sys may be hidden
 * from a container.
 */
function endOf(fd: number): number {
  const byte = Buffer.alloc(1);
  const exists = (position: number) => readSync(fd, byte, 0, 1, position) === 1;
  if (!exists(0)) return 0;
  let inside = 0;
  let outside = 512;
  while (exists(outside)) {
    inside = outside;
    outside *= 2;
  }
  while (outside - inside > 1) {
    const middle = inside + Math.floor((outside - inside) / 2);
    if (exists(middle)) inside = middle;
    else outside = middle;
  }
  return outside;
}
