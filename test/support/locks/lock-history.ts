import { type Attempt, isHold } from './attempt.js';
import type { Crew, CrewSettings } from './crew.js';
import { type JudgeOptions, judge, type Verdict } from './judge.js';
import type { ProgramOptions } from './program.js';

export interface HistorySettings extends CrewSettings {
  readonly program: ProgramOptions;
  /** Resolves when they may begin. */
  readonly ready?: () => Promise<unknown>;
  /** What is done to them; when it is over they come to an end. What it resolves to goes into the judgement. */
  readonly during: (crew: Crew) => Promise<Partial<JudgeOptions>>;
  readonly judgement: JudgeOptions;
}

export interface History {
  readonly verdict: Verdict;
  readonly attempts: readonly Attempt[];
}

/** Lets the processes run, and judges what they wrote down. */
export async function lockHistory(crew: Crew, settings: HistorySettings): Promise<History> {
  await crew.open(settings);
  await settings.ready?.();
  await crew.go(settings.program);
  const more = await settings.during(crew);
  await crew.stop();
  const attempts = await crew.attempts();
  await crew.close();
  return { attempts, verdict: judge(attempts, { ...settings.judgement, ...more }) };
}

export async function holdsSoFar(crew: Crew, resource: string): Promise<number> {
  return (await crew.attempts()).filter((attempt) => isHold(attempt) && attempt.resource === resource).length;
}
