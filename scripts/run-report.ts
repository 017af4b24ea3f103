import type { SerializedError } from 'vitest';
import {
  DefaultReporter,
  type TestCase,
  type TestModule,
  type TestRunEndReason,
  type TestSpecification,
  type TestSuite,
} from 'vitest/node';
import { RunWatchdog } from './run-watchdog.js';

/** The longest that one test or hook of the suite may take is 3 min. */
const longestSilence = 240_000;

/**
 * Vitest's own report, then one plain line, `12 passed, 0 failed`, for whoever reads the run by eye or by script. A skipped test
 * counts as failed, because a suite that quietly tests less than it says is worse than a red one; `-t` or `file:line` leave out
 * what they were told to. A run in which nothing happens for `silence` ms is ended, with the files that run.
 */
export class RunReport extends DefaultReporter {
  #narrowed = false;
  readonly #watchdog: RunWatchdog;

  constructor({ silence = longestSilence }: { silence?: number } = {}) {
    super();
    this.#watchdog = new RunWatchdog(silence, (running) => {
      this.log(`Nothing has happened for ${silence / 1_000} s. These files run:`);
      for (const file of running) this.log(`  ${file}`);
      this.log('0 passed, 1 failed');
    });
  }

  override onTestRunStart(specifications: readonly TestSpecification[]): void {
    super.onTestRunStart(specifications);
    this.#narrowed =
      this.ctx.config.testNamePattern !== undefined ||
      specifications.some(({ testLines, testTagsFilter }) => testLines !== undefined || testTagsFilter !== undefined);
    this.#watchdog.sign();
  }

  override onTestModuleQueued(module: TestModule): void {
    super.onTestModuleQueued(module);
    this.#watchdog.begun(module.relativeModuleId);
  }

  override onTestCaseResult(test: TestCase): void {
    super.onTestCaseResult(test);
    this.#watchdog.sign();
  }

  override onTestModuleEnd(module: TestModule): void {
    super.onTestModuleEnd(module);
    this.#watchdog.ended(module.relativeModuleId);
  }

  override onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[], reason: TestRunEndReason): void {
    super.onTestRunEnd(modules, errors, reason);
    this.#watchdog.stop();
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
