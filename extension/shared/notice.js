// @ts-check
/**
 * What a page says when something happened: a notice with the way out beside it.
 *
 * @module
 */

import { button, element } from './elements.js';
import { text } from './text.js';

/** @typedef {import('./messages.js').Problem} Problem */
/** @typedef {'good' | 'warn' | 'bad' | ''} Tone */

/** What to type into a terminal; with the path, as no environment may be active there. */
export const COMMANDS = /** @type {const} */ ({
  install: 'make start',
  start: '.venv/bin/ermask-daemon start',
  restart: '.venv/bin/ermask-daemon restart',
  pair: '.venv/bin/ermask-daemon pair',
  newCircle: '.venv/bin/ermask keys new "Family"',
});

/** The command that helps, by problem. */
const REMEDIES = /** @type {Record<string, string>} */ ({
  daemon_down: COMMANDS.start,
  key_store_locked: COMMANDS.restart,
  pairing_closed: COMMANDS.pair,
});

/**
 * @param {Tone} tone
 * @param {string} title
 * @param {...(Node | string | null)} below  strings become paragraphs
 */
export function notice(tone, title, ...below) {
  return element(
    'div',
    { class: `notice ${tone}` },
    element('strong', {}, title),
    ...below.map((each) => (typeof each === 'string' ? element('p', { class: 'small' }, each) : each)),
  );
}

/**
 * @param {Problem} problem
 * @param {...Node} actions
 */
export function problemNotice(problem, ...actions) {
  const remedy = REMEDIES[problem.code];
  return notice(
    'bad',
    problem.title,
    // an origin, for the program only
    problem.code === 'no_access' || problem.detail === problem.title ? null : problem.detail || null,
    problem.hint,
    remedy ? command(remedy) : null,
    actions.length ? element('div', { class: 'row' }, ...actions) : null,
  );
}

/**
 * A line for the terminal with a button that copies it.
 * @param {string} line
 */
export function command(line) {
  const copy = button(
    text('common_copy'),
    async () => {
      await navigator.clipboard.writeText(line);
      copy.textContent = text('common_copied');
    },
    'plain',
  );
  copy.setAttribute('aria-label', text('common_copy_command', line));
  return element('div', { class: 'command' }, element('code', {}, line), copy);
}

/**
 * Something is going on; announced to screen readers by the live region it is put into.
 * @param {string} what
 */
export function working(what) {
  return element('p', { class: 'row' }, element('span', { class: 'spinner', 'aria-hidden': 'true' }), what);
}
