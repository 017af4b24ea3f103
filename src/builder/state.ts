import type { refusals } from './refusals.js';

/** The tiers that a chain has so far; with a `?`, those that it has only if a condition held. */
export type BuilderState = 'new' | L1State | L2State;

type L1State = 'l1' | 'l1?';
type L2State = 'l2' | 'l2?';
type Refusal = keyof typeof refusals;

/** What a step is when it cannot be called: nothing callable, and the reason in its name, so that the compiler prints it. */
export interface BuilderError<Sentence extends string> {
  readonly [reason]: Sentence;
}

declare const reason: unique symbol;

/** The state is a set, so `Extract` asks what is in it; `any` has everything in it and is asked for first. */
type StepIf<State, Marks, IfPresent, IfAbsent, Step> = 'unchecked' extends State
  ? Step
  : [Extract<State, Marks>] extends [never]
    ? IfAbsent
    : IfPresent;

export type WithoutL1<State, Name extends Refusal, Step> = StepIf<
  State,
  L1State,
  BuilderError<(typeof refusals)[Name]>,
  Step,
  Step
>;
export type WithoutL2<State, Name extends Refusal, Step> = StepIf<
  State,
  L2State,
  BuilderError<(typeof refusals)[Name]>,
  Step,
  Step
>;
export type WithL2<State, Name extends Refusal, Step> = StepIf<
  State,
  L2State,
  Step,
  BuilderError<(typeof refusals)[Name]>,
  Step
>;

export type Add<State, Mark extends BuilderState> = Exclude<State, 'new'> | Mark;

/** What is there after one of two branches: what both have is, what one has may be. */
export type EitherOf<Then, Else> = 'unchecked' extends Then | Else
  ? Then | Else
  : (Then & Else) | Perhaps<Exclude<Then | Else, (Then & Else) | 'new'>>;

type Perhaps<Mark> = Mark extends 'l1' ? 'l1?' : Mark extends 'l2' ? 'l2?' : Mark;

export type Truthy<Value> = Exclude<Value, undefined | null | false | '' | 0 | 0n>;
