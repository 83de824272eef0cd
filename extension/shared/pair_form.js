// @ts-check
/**
 * Typing the pairing code; in onboarding and in the options.
 *
 * @module
 */

import { ask } from './asking.js';
import { element } from './elements.js';
import { COMMANDS, command, notice, problemNotice, working } from './notice.js';
import { grouped, isComplete, stranger, symbols } from './pairing_code.js';
import { text } from './text.js';

/** @typedef {import('./messages.js').Daemon} Daemon */
/** @typedef {import('./messages.js').Problem} Problem */

/** How the daemon's standard port is left out. */
const PORTS = { least: 1024, most: 65535, standard: 7411 };

/** A closed window answers like a path that is not there. */
const CLOSED = ['pairing_closed', 'unauthorized', 'not_found'];

/**
 * @param {HTMLElement} place  its content is replaced
 * @param {(daemon: Daemon) => void} onPaired
 * @param {{port?: number}} [now]
 */
export function pairForm(place, onPaired, { port = PORTS.standard } = {}) {
  const code = element('input', {
    type: 'text',
    class: 'code mono',
    autocomplete: 'off',
    autocapitalize: 'characters',
    spellcheck: 'false',
    placeholder: 'XXXX-XXXX',
    'aria-describedby': 'pair-says',
    id: 'pair-code',
    dir: 'ltr',
  });
  const portInput = element('input', {
    type: 'number',
    min: `${PORTS.least}`,
    max: `${PORTS.most}`,
    value: `${port}`,
    id: 'pair-port',
  });
  const submit = element('button', { type: 'submit', class: 'main' }, text('common_pair'));
  const says = element('div', { id: 'pair-says', 'aria-live': 'polite' });
  const form = element(
    'form',
    { class: 'stack pair-form', novalidate: '' },
    element(
      'div',
      { class: 'field' },
      element('label', { for: 'pair-code' }, text('common_pair_code')),
      element('div', { class: 'row' }, code, submit),
    ),
    says,
    element(
      'details',
      {},
      element('summary', { class: 'small' }, text('common_pair_other_port')),
      element(
        'div',
        { class: 'field port' },
        element('label', { for: 'pair-port' }, text('common_port')),
        portInput,
        element('span', { class: 'soft small' }, text('common_port_hint')),
      ),
    ),
  );

  code.addEventListener('input', () => {
    const odd = stranger(code.value);
    code.setAttribute('aria-invalid', String(odd !== null));
    says.replaceChildren(odd ? notice('warn', text('common_pair_stranger', odd)) : '');
    // grouping moves the caret, so only while typing at the end
    if (!odd && code.selectionStart === code.value.length) code.value = grouped(code.value);
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!isComplete(code.value) || stranger(code.value)) {
      code.setAttribute('aria-invalid', 'true');
      says.replaceChildren(notice('warn', text('common_pair_incomplete')));
      code.focus();
      return;
    }
    submit.disabled = true;
    says.replaceChildren(working(text('common_pairing')));
    const answer = await ask({
      type: 'pair',
      code: symbols(code.value),
      port: Number(portInput.value) || undefined,
    });
    submit.disabled = false;
    if (answer.ok) {
      code.value = '';
      says.replaceChildren(notice('good', text('common_paired')));
      onPaired(answer.value);
    } else {
      says.replaceChildren(refusal(answer.problem));
      code.select();
    }
  });
  place.replaceChildren(form);
}

/** @param {Problem} problem */
function refusal(problem) {
  if (problem.code === 'pairing_failed') {
    return notice('bad', text('common_pair_wrong_code'), text('common_pair_wrong_code_hint'));
  }
  if (CLOSED.includes(problem.code)) {
    return notice('bad', text('common_pair_closed'), text('common_pair_closed_hint'), command(COMMANDS.pair));
  }
  return problemNotice(problem);
}
