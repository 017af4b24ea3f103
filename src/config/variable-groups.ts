import { problemsOf } from './check.js';
import { type Variable, variables } from './variables.js';

/** Variables by name, as `process.env` has them. One that is empty counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Groups = typeof variables;

/** What the environment says of a group of settings; what it is silent about is not there. */
export type Found<Name extends keyof Groups> = {
  readonly [Setting in keyof Groups[Name]]?: Groups[Name][Setting] extends Variable<infer T> ? T : never;
};

/** Reads groups of variables, and gathers all that is wrong with them. */
export class VariableReader {
  readonly problems: string[] = [];
  readonly #env: Environment;
  readonly #prefix: string;

  constructor(env: Environment, prefix: string) {
    this.#env = env;
    this.#prefix = prefix;
  }

  /** As the user knows it. */
  nameOf(variable: string): string {
    return this.#prefix + variable;
  }

  textOf(variable: string): string {
    return String(this.#env[this.nameOf(variable)] ?? '');
  }

  read<Name extends keyof Groups>(group: Name): Found<Name> {
    const found: Record<string, unknown> = {};
    const settings: Readonly<Record<string, Variable>> = variables[group];
    for (const [setting, [variable, field]] of Object.entries(settings)) {
      const text = this.textOf(variable);
      if (text === '') continue;
      const result = field(this.nameOf(variable)).safeParse(text);
      if (result.success) found[setting] = result.data;
      else this.problems.push(...problemsOf(result.error));
    }
    return found as Found<Name>;
  }
}
