import pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

/** What output depends on beside its data. */
export interface Style {
  colors: Colors;
  /** Milliseconds since 1970. */
  now: number;
}

export const makeColors = (enabled: boolean): Colors => pc.createColors(enabled);
