// @ts-check
/** The pages of the zoo in Firefox: see harness/matrix.js. */

import { matrix } from './harness/matrix.js';

matrix('firefox');
