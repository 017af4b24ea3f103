import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ChaosReport } from './scripts/chaos-report.js';
import { RunReport } from './scripts/run-report.js';

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^tierkeep$/, replacement: source('index.ts') },
      { find: /^tierkeep\/(.+)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/topology-keeper.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Generous, for slow shared cores: a test waits for conditions, so a long limit costs nothing when it passes.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    allowOnly: false,
    reporters: [new ChaosReport(), new RunReport()],
    coverage: {
      provider: 'v8',
      include: ['src/**'],
      reporter: ['text', 'html'],
    },
  },
});
