// @ts-check
/**
 * The background: everything that listens is registered here, at once, so that the browser can wake it for it.
 *
 * @module
 */

import * as commands from './background/commands.js';
import * as daemon from './background/daemon.js';
import * as diagnostics from './background/diagnostics.js';
import * as firstStart from './background/first_start.js';
import * as knownCircles from './background/known_circles.js';
import * as menus from './background/menus.js';
import * as open from './background/open.js';
import * as photos from './background/photos.js';
import * as pictures from './background/pictures.js';
import * as policy from './background/policy.js';
import * as relay from './background/relay.js';
import { router } from './background/router.js';
import * as settings from './background/settings.js';
import * as sites from './background/sites.js';
import * as tally from './background/tally.js';
import * as toolbar from './background/toolbar.js';

const ANSWERING = [daemon, diagnostics, open, photos, pictures, policy, relay, settings, sites, tally];
const LISTENING = [commands, firstStart, knownCircles, menus, open, policy, settings, sites, tally, toolbar];

chrome.runtime.onMessage.addListener(
  router(ANSWERING.map(({ handlers }) => handlers), (type, code) => void diagnostics.note(type, code)),
);
for (const each of LISTENING) each.register();
