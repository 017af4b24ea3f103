const contracts =
  '^src/(cache|cache-state|call-options|factory|warm|memoized|sourced-cache|lock|store|events|errors|duration|clock|entries/[^/]+|backends/redis/connection)\\.ts$';
const base =
  '^src/((cache|cache-state|call-options|factory|warm|memoized|sourced-cache|lock|store|events|errors|duration|clock|until-aborted)\\.ts$|entries/)';
const middle = '^src/(tiers|backends|coherence|locks)/';
const composition = '^src/(builder|config)([./-]|$)';
const drivers = '^src/backends/redis/(ioredis|node-redis)\\.ts$';
const besideTheCore = '^src/(presets|observability|progress|testing)/';

const npm = (name) => `(^|/)node_modules/${name}/`;

/** One library, one place: what it is used for can be replaced there. */
function onlyIn(name, library, place, comment) {
  return { name, severity: 'error', comment, from: { path: '^src/', pathNot: place }, to: { path: npm(library) } };
}

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      severity: 'error',
      comment: 'Modules that need each other to run are one module. Move what both need into a third.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-type-circles',
      severity: 'error',
      comment: 'Only the contracts may mention each other by type (a Cache has events, an event says what a cache did).',
      from: { path: '^src/' },
      to: { circular: true, via: { pathNot: contracts } },
    },
    {
      name: 'errors-stand-alone',
      severity: 'error',
      comment: 'Everything throws errors, so errors know nothing.',
      from: { path: '^src/errors\\.ts$' },
      to: { path: '^src/' },
    },
    {
      name: 'base-knows-only-base',
      severity: 'error',
      comment: 'Contracts, entries, events and time must not know who implements or uses them.',
      from: { path: base },
      to: { path: '^src/', pathNot: base },
    },
    {
      name: 'middle-knows-no-builder',
      severity: 'error',
      comment: 'Tiers, backends, coherence and locks are composed; they do not compose.',
      // An entry point of the package is a door to the composition.
      from: { path: middle, pathNot: '^src/locks/index\\.ts$' },
      to: { path: '^src/', pathNot: [middle, base] },
    },
    {
      name: 'tiers-know-no-backend',
      severity: 'error',
      comment: 'A tier is a Store (src/store.ts), whatever stands behind it.',
      from: { path: '^src/tiers/' },
      to: { path: '^src/(backends|locks)/' },
    },
    {
      name: 'backends-keep-entries-only',
      severity: 'error',
      comment: 'A backend implements src/store.ts; the behaviour of a cache is built on top of it.',
      from: { path: '^src/backends/' },
      to: { path: '^src/(tiers|coherence|locks)/' },
    },
    {
      name: 'the-seam-is-the-way-to-redis',
      severity: 'error',
      comment: 'Coherence and locks reach Redis by the connection seam, never by a store or a driver.',
      from: { path: '^src/(coherence|locks)/' },
      to: { path: '^src/backends/', pathNot: '^src/backends/redis/(connection|slots|script|timely|is-moving)\\.ts$' },
    },
    {
      name: 'core-without-extras',
      severity: 'error',
      comment:
        'Presets, observability, progress and testing are entry points of their own; who does not import them must not load them.',
      from: { path: '^src/', pathNot: besideTheCore },
      to: { path: besideTheCore },
    },
    {
      name: 'clients-in-driver-files',
      severity: 'error',
      comment: 'A Redis client, its types included, is touched only in its driver file.',
      from: { path: '^src/', pathNot: drivers },
      to: { path: [npm('ioredis[^/]*'), npm('@redis/client'), npm('redis')] },
    },
    onlyIn('cli-progress-in-progress', 'cli-progress', '^src/progress/', 'Who draws no bar must not need it.'),
    onlyIn('opossum-in-the-breaker', 'opossum', '^src/tiers/circuit-breaker\\.ts$', 'The circuit breaker hides opossum.'),
    onlyIn('lru-in-memory', 'lru-cache', '^src/backends/memory', 'The memory backend hides lru-cache.'),
    onlyIn('zod-at-the-door', 'zod', composition, 'Options are checked once, where they come in.'),
    onlyIn('msgpackr-in-the-codec', 'msgpackr', '^src/entries/', 'The codec hides msgpackr.'),
    {
      name: 'nothing-outside-src',
      severity: 'error',
      comment: 'What is published must not need what is not.',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples|scripts)/' },
    },
    {
      name: 'no-development-dependency',
      severity: 'error',
      comment: 'Users do not have it.',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer', 'npm'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'Not found: a typing error, or a package that is not installed.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'examples-as-users',
      severity: 'error',
      comment: "Examples import 'tierkeep', as a reader will.",
      from: { path: '^examples/' },
      to: { path: '^src/', dependencyTypesNot: ['aliased'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: 'specify',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
};
