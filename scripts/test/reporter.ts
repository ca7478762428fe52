import { writeFileSync } from 'node:fs';
import type { TestError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';
import { placesIn } from './report.ts';
import type { Fault, FileReport, Report } from './report.ts';

/** A reporter of vitest that writes what the summary wants: vitest's own JSON has no diffs and no errors of suites. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly TestError[]): void {
    const file = process.env['CARAVEL_TEST_REPORT'];
    const report: Report = { files: modules.map(fileOf), errors: errors.map(faultOf) };
    if (file) writeFileSync(file, JSON.stringify(report));
  }
}

function fileOf(module: TestModule): FileReport {
  const suites = [...module.children.allSuites()].map((suite) => ({
    name: suite.fullName,
    errors: suite.errors().map(faultOf),
  }));
  return {
    file: module.relativeModuleId,
    suites: [{ name: '', errors: module.errors().map(faultOf) }, ...suites],
    tests: [...module.children.allTests()].map((test) => {
      const { state, errors = [] } = test.result();
      return { name: test.fullName, state, errors: errors.map(faultOf) };
    }),
  };
}

function faultOf({ name, type, message, stacks = [], stack = '', diff, cause }: TestError): Fault {
  const places = stacks.map(({ file, line, column }) => `${file}:${line}:${column}`);
  // What happened outside of a test may have a type instead of a name.
  const title = name || (typeof type === 'string' ? type : 'Error');
  return {
    message: `${title}: ${message}`,
    places: places.length > 0 ? places : placesIn(stack),
    ...(diff && { diff }),
    ...(cause?.message && { cause: cause.message }),
  };
}
