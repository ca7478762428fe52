import temporal from 'eslint-plugin-temporal';
import tseslint from 'typescript-eslint';

// Only the rules that no other tool has: determinism of workflow code.
export default tseslint.config({
  files: ['workflows/**/*.ts', 'activities/**/*.ts', 'worker/**/*.ts'],
  extends: [tseslint.configs.base],
  plugins: { temporal },
  rules: {
    ...temporal.configs?.recommended?.rules,
    // Takes setHandler for a promise; oxlint's own rule knows the types.
    'temporal/workflow-no-floating-promises': 'off',
    // Steps are wrapped by activity(), which heartbeats for them; the rules look for the calls themselves.
    'temporal/activity-heartbeat-in-long-loops': 'off',
    'temporal/activity-context-not-stored': 'off',
  },
});
