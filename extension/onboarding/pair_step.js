// @ts-check
/**
 * Pairing with the daemon.
 *
 * @module
 */

import { part } from '../shared/elements.js';
import { COMMANDS, command, notice } from '../shared/notice.js';
import { pairForm } from '../shared/pair_form.js';
import { dated, text } from '../shared/text.js';

/** @typedef {import('../shared/messages.js').Daemon} Daemon */

/** @param {(daemon: Daemon) => void} onPaired */
export function readyPair(onPaired) {
  part('#pair-command').replaceChildren(command(COMMANDS.pair));
  pairForm(part('#pair-form'), onPaired);
}

/** @param {Daemon} daemon */
export function showPaired({ state, pairedAt }) {
  const place = part('#pair-done');
  const paired = pairedAt !== null && state !== 'not_paired' && state !== 'wrong_daemon';
  place.replaceChildren(
    ...(paired ? [notice('good', text('onboarding_pair_done', dated(pairedAt, { dateStyle: 'long' })))] : []),
  );
}
