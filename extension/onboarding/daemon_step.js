// @ts-check
/**
 * Installing and starting the daemon, and seeing that it answers.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { element, part } from '../shared/elements.js';
import { COMMANDS, command, notice, problemNotice, working } from '../shared/notice.js';
import { text } from '../shared/text.js';

/** @typedef {import('../shared/messages.js').Daemon} Daemon */

/** How often the daemon is looked for while this step is open, in milliseconds. */
const BEAT = 2000;

/** @type {(daemon: Daemon) => void} */
let tell = () => {};
/** @type {ReturnType<typeof setInterval> | undefined} */
let beat;
let said = '';

/** @param {(daemon: Daemon) => void} onState */
export function readyDaemon(onState) {
  tell = onState;
  part('#daemon-commands').replaceChildren(
    element('p', {}, text('onboarding_daemon_first')),
    command(COMMANDS.install),
    element('p', {}, text('onboarding_daemon_later')),
    command(COMMANDS.start),
  );
}

/** @returns {Promise<Daemon | null>} null if even the background does not answer */
export async function askDaemon() {
  const answer = await ask({ type: 'daemon' });
  if (!answer.ok) {
    say('problem', problemNotice(answer.problem));
    return null;
  }
  const daemon = answer.value;
  tell(daemon);
  if (daemon.state === 'daemon_down') {
    const waiting = working(text('onboarding_daemon_waiting', daemon.port));
    say(`down ${daemon.port}`, element('div', { class: 'notice' }, waiting));
  } else if (daemon.state === 'wrong_daemon') {
    say('wrong', notice('bad', text('common_state_wrong_daemon'), text('common_state_wrong_daemon_why')));
  } else {
    const version = daemon.status?.['version'];
    const found = version ? text('onboarding_daemon_version', version) : null;
    say(`up ${version}`, notice('good', text('onboarding_daemon_answers', daemon.port), found));
  }
  return daemon;
}

/**
 * Into the live region only what is new, or screen readers repeat it each time.
 * @param {string} what
 * @param {HTMLElement} view
 */
function say(what, view) {
  if (what === said) return;
  said = what;
  part('#daemon-says').replaceChildren(view);
}

/** @param {boolean} on */
export function watchDaemon(on) {
  clearInterval(beat);
  if (!on) return;
  void askDaemon();
  beat = setInterval(() => {
    if (!document.hidden) void askDaemon();
  }, BEAT);
}
