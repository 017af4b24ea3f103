import { describe } from 'vitest';
import { clusterSite } from '../support/locks/fail-over-site.js';
import { failOverSuite } from '../support/locks/fail-over-suite.js';

describe('cluster', () => failOverSuite(clusterSite));
