import { readFileSync } from 'node:fs';
import { cacheBuilder } from 'tierkeep';
import { expect, it } from 'vitest';
import { variables } from '../../src/config/variables.js';

const page = readFileSync('docs/configuration.md', 'utf8');

it('names every variable of the environment, and none that is not read', () => {
  const read = Object.values(variables).flatMap((group) => Object.values(group).map(([name]) => name));
  expect(new Set(page.match(/\b(?:CACHE|REDIS)_[A-Z][A-Z_]*\b/g))).toEqual(new Set(read));
});

it('names every step of the builder', () => {
  for (const step of Object.keys(cacheBuilder())) expect(page).toContain(`\`.${step}(`);
});
