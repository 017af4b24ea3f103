import { describe } from 'vitest';
import { sentinelSite } from '../support/locks/fail-over-site.js';
import { failOverSuite } from '../support/locks/fail-over-suite.js';

describe('sentinel', () => failOverSuite(sentinelSite));
