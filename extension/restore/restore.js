// @ts-check
/**
 * Restoring or inspecting one picture: of a web page, as the context menu names it after `#`, or one the user
 * picks, drops or pastes. What is restored is shown here, where no site can read it.
 *
 * @module
 */

import { choose, find, onChoice, part } from '../shared/elements.js';
import { acceptPastes, acceptPhotos } from '../shared/photo_input.js';
import { localise, text } from '../shared/text.js';
import { fillCircles, readyAttempts, run } from './attempts.js';
import { readyOutcome } from './outcome.js';
import { fetchPicture, requestOf } from './source.js';

/** @typedef {import('./source.js').Picture} Picture */

/** @type {Picture | null} */
let picture = null;

/** @param {Picture} taken */
function take(taken) {
  picture = taken;
  part('#empty').hidden = true;
  part('#side').hidden = false;
  part('#another').hidden = false;
  document.title = text('restore_page_title', taken.name);
  void run(taken);
}

/** @param {File} file */
function takeFile(file) {
  // a picture of the user's own has nothing to do with the page that was named
  history.replaceState(null, '', location.pathname);
  take({ photo: file, name: file.name || text('restore_pasted'), source: null });
}

async function start() {
  localise();
  acceptPhotos(document.body, find('#file', HTMLInputElement), takeFile);
  acceptPhotos(part('#another'), find('#another-file', HTMLInputElement), takeFile);
  acceptPastes(takeFile);
  readyAttempts(() => picture);
  readyOutcome();
  const request = requestOf(location.hash);
  await fillCircles(request.circle);
  choose('action', request.action === 'inspect' ? 'inspect' : 'restore');
  onChoice('action', () => picture && void run(picture));
  document.documentElement.dataset['ready'] = 'true';
  if (request.source) {
    part('#side').hidden = false;
    const fetched = await fetchPicture(request.source);
    part('#another').hidden = false;
    if (fetched) {
      picture = fetched;
      document.title = text('restore_page_title', fetched.name);
      await run(fetched, { saveAfterwards: request.action === 'save' });
    }
  } else {
    part('#empty').hidden = false;
  }
}

// the menu may be used again while this page is open in its tab
addEventListener('hashchange', () => location.reload());
void start();
