/** Sizes of tests: those of `npm run proof`, and small ones that show the same on every run. */
export const scaled = <T>(full: T, small: T): T => (process.env['CARAVEL_PROOF'] ? full : small);
