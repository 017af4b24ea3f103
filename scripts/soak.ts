/**
 * `npm run soak -- --seconds 600 --seed 42 --topology cluster --driver node-redis`: see "Soak" in docs/testing.md. Ends with a summary,
 * and with exit code 1 when a promise was broken.
 */
import { readArguments } from '../test/support/soak/options.js';
import { shown } from '../test/support/soak/report.js';
import { soak } from '../test/support/soak/soak.js';

const options = readArguments(process.argv.slice(2));
console.log(`soak: ${JSON.stringify(options)}`);
const report = await soak(options, console.log);
console.log(shown(report));
process.exitCode = report.broken.length > 0 ? 1 : 0;
