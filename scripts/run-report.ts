import type { SerializedError } from 'vitest';
import {
  DefaultReporter,
  type TestCase,
  type TestModule,
  type TestRunEndReason,
  type TestSpecification,
  type TestSuite,
} from 'vitest/node';

/**
 * Vitest's own report, then one plain line, `12 passed, 0 failed`, for whoever reads the run by eye or by script. A skipped test
 * counts as failed, because a suite that quietly tests less than it says is worse than a red one; `-t` or `file:line` leave out
 * what they were told to.
 */
export class RunReport extends DefaultReporter {
  #narrowed = false;

  override onTestRunStart(specifications: readonly TestSpecification[]): void {
    super.onTestRunStart(specifications);
    this.#narrowed =
      this.ctx.config.testNamePattern !== undefined ||
      specifications.some(({ testLines, testTagsFilter }) => testLines !== undefined || testTagsFilter !== undefined);
  }

  override onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[], reason: TestRunEndReason): void {
    super.onTestRunEnd(modules, errors, reason);
    const { passed, failed, skipped } = count(modules);
    const refused = this.#narrowed ? [] : skipped;
    if (refused.length > 0) {
      process.exitCode = 1;
      this.log('Skipped tests fail the run:');
      for (const test of refused) this.log(`  ${test.module.relativeModuleId} > ${test.fullName}`);
      this.log();
    }
    this.log(`${passed} passed, ${failed + refused.length + errors.length} failed`);
  }
}

interface Count {
  passed: number;
  failed: number;
  skipped: TestCase[];
}

function count(modules: readonly TestModule[]): Count {
  const counted: Count = { passed: 0, failed: 0, skipped: [] };
  for (const module of modules) addGroup(counted, module, false);
  return counted;
}

function addGroup(counted: Count, group: TestModule | TestSuite, within: boolean): void {
  const before = counted.failed;
  const broken = within || group.errors().length > 0;
  for (const child of group.children) {
    if (child.type === 'suite') addGroup(counted, child, broken);
    else addTest(counted, child, broken);
  }
  // A file that does not load or a hook that throws after the last test has no failed test to show for it.
  if (group.errors().length > 0 && counted.failed === before) counted.failed++;
}

function addTest(counted: Count, test: TestCase, broken: boolean): void {
  const { state } = test.result();
  if (state === 'passed') counted.passed++;
  else if (state === 'skipped' && !broken) counted.skipped.push(test);
  else counted.failed++;
}
