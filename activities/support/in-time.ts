import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';

/** What a store answers, as long as it does so in time; a step that asks several must not hang on one. */
export async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const seconds = TIMEOUTS.locationAnswer / 1000;
    const error = new CaravelError('StoreUnavailable', `no answer within ${seconds} s`);
    timer = setTimeout(() => reject(error), TIMEOUTS.locationAnswer);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
