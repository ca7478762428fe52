/**
 * The command line of a program that does not outlive this process, also when that is killed: it would take the work of
 * tests that follow. The program has the process id of what is started.
 */
export const dyingWithUs = (signal: 'TERM' | 'KILL', program: string, args: readonly string[]) =>
  ['/usr/bin/setpriv', ['--pdeathsig', signal, '--', program, ...args]] as const;
