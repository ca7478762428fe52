/** Who may import whom. The message of a rule says why. */
const only = (from, allowed, why) => ({
  name: `${from}-stands-on`,
  comment: why,
  severity: 'error',
  from: { path: `^${from}/` },
  to: {
    path: '^(contracts|core|platform|mover|activities|workflows|worker|client|lab|scripts|test)/',
    pathNot: `^(${[from, ...allowed].join('|')})/`,
  },
});
const npm = (from, allowed, why) => ({
  name: `${from}-packages`,
  comment: why,
  severity: 'error',
  from: { path: `^${from}/` },
  to: { dependencyTypes: ['npm', 'npm-dev', 'npm-no-pkg', 'core'], pathNot: allowed },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle has no reading order.',
      severity: 'error',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    only('core', ['contracts'], 'core is pure: it must run in the workflow sandbox.'),
    only('contracts', ['core'], 'contracts are names, types and constants.'),
    only('platform', ['core', 'contracts'], 'platform is I/O and knows no run.'),
    only(
      'mover',
      ['core', 'contracts', 'platform/kopia'],
      'the mover knows neither Kubernetes nor Temporal, and must start fast.',
    ),
    only(
      'workflows',
      ['core', 'contracts'],
      'workflows are deterministic: activities only by contract, never by import.',
    ),
    only('activities', ['core', 'contracts', 'platform'], 'activities are verbs over the platform.'),
    only(
      'worker',
      ['core', 'contracts', 'platform', 'activities'],
      'the worker takes workflows as a bundle, by path.',
    ),
    only(
      'client',
      ['core', 'contracts', 'platform'],
      'the client starts runs by name and knows no activity.',
    ),
    npm('core', '@noble/hashes', 'core has no I/O and no Temporal.'),
    npm('contracts', 'typebox|@noble/hashes', 'contracts have no I/O and no Temporal.'),
    npm('workflows', '@temporalio/(workflow|common)', 'only what the sandbox offers.'),
    npm(
      'activities',
      '@temporalio/(activity|common|client)|^crypto$|^(node:)?path$',
      'I/O goes through platform/.',
    ),
    {
      name: 'platform-without-temporal',
      comment: 'platform is used by the mover and the client too.',
      severity: 'error',
      from: { path: '^platform/' },
      to: { path: '@temporalio/' },
    },
    {
      name: 'mover-is-light',
      comment: 'every package costs start-up time of a pod.',
      severity: 'error',
      from: { path: '^(mover|platform/kopia)/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-no-pkg'] },
    },
    {
      name: 'schemas-not-in-workflows',
      comment: 'TypeBox would double the bundle; workflows take the types alone.',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { path: '^contracts/api/', dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json', '.cjs', '.mjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
