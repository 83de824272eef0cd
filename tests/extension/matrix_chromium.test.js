// @ts-check
/** The pages of the zoo in Chromium: see harness/matrix.js. */

import { matrix } from './harness/matrix.js';

matrix('chromium');
