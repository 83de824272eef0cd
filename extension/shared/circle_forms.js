// @ts-check
/**
 * Making a circle, or taking over one from somebody's key; in onboarding and in the options.
 *
 * @module
 */

import { ask } from './asking.js';
import { element } from './elements.js';
import { notice, problemNotice, working } from './notice.js';
import { text } from './text.js';

/** @typedef {import('./messages.js').Circle} Circle */
/** @typedef {import('./messages.js').Answer<Circle>} CircleAnswer */

/** A label is 1 to 64 printable characters. */
const LABEL_LENGTH = 64;

/**
 * A line in which the form says how it goes, and what is done when it goes well.
 * @param {HTMLFormElement} form
 * @param {HTMLElement} says
 * @param {string} meanwhile
 * @param {() => Promise<CircleAnswer | null>} send  null: something is missing, and has been said
 * @param {(circle: Circle) => void} onMade
 */
function onSubmit(form, says, meanwhile, send, onMade) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const submit = form.querySelector('button[type=submit]');
    says.replaceChildren(working(meanwhile));
    submit?.setAttribute('disabled', '');
    const answer = await send();
    submit?.removeAttribute('disabled');
    if (answer === null) return;
    if (!answer.ok) {
      says.replaceChildren(problemNotice(answer.problem));
      return;
    }
    form.reset();
    says.replaceChildren();
    onMade(answer.value);
  });
}

/** @param {string} id */
function labelField(id) {
  const input = element('input', {
    type: 'text',
    id,
    maxlength: `${LABEL_LENGTH}`,
    autocomplete: 'off',
    placeholder: text('common_circle_example'),
  });
  const field = element(
    'div',
    { class: 'field' },
    element('label', { for: id }, text('common_circle_name')),
    input,
  );
  return { field, input };
}

/**
 * @param {HTMLElement} says
 * @param {string} key
 * @param {HTMLElement} input
 */
function missing(says, key, input) {
  says.replaceChildren(notice('warn', text(key)));
  input.focus();
  return null;
}

/**
 * @param {HTMLElement} place  its content is replaced
 * @param {(circle: Circle) => void} onMade
 */
export function newCircleForm(place, onMade) {
  const { field, input } = labelField('new-circle-label');
  const says = element('div', { 'aria-live': 'polite' });
  const submit = element('button', { type: 'submit', class: 'main' }, text('common_circle_new'));
  field.append(element('div', { class: 'row' }, input, submit));
  const form = element('form', { class: 'stack one-line', novalidate: '' }, field, says);
  onSubmit(
    form,
    says,
    text('common_circle_making'),
    async () => {
      const label = input.value.trim();
      return label ? ask({ type: 'new-circle', label }) : missing(says, 'common_circle_name_missing', input);
    },
    onMade,
  );
  place.replaceChildren(form);
}

/**
 * @param {HTMLElement} place  its content is replaced
 * @param {(circle: Circle) => void} onMade
 */
export function importKeyForm(place, onMade) {
  const { field, input } = labelField('import-label');
  const written = element('textarea', {
    id: 'import-text',
    rows: '3',
    class: 'mono',
    spellcheck: 'false',
    autocomplete: 'off',
    placeholder: 'ermask1…',
    dir: 'ltr',
  });
  const file = element('input', { type: 'file', id: 'import-file' });
  const passphrase = element('input', { type: 'password', id: 'import-passphrase', autocomplete: 'off' });
  const says = element('div', { 'aria-live': 'polite' });
  const form = element(
    'form',
    { class: 'stack', novalidate: '' },
    element('p', { class: 'soft small' }, text('common_import_warning')),
    field,
    element(
      'div',
      { class: 'field' },
      element('label', { for: 'import-text' }, text('common_import_text')),
      written,
    ),
    element(
      'div',
      { class: 'field' },
      element('label', { for: 'import-file' }, text('common_import_file')),
      file,
      element('span', { class: 'soft small' }, text('common_import_file_hint')),
    ),
    element(
      'div',
      { class: 'field' },
      element('label', { for: 'import-passphrase' }, text('common_import_passphrase')),
      passphrase,
    ),
    says,
    element('div', {}, element('button', { type: 'submit', class: 'main' }, text('common_import'))),
  );
  // a key text needs no file, and the other way round
  const either = () => {
    written.disabled = (file.files?.length ?? 0) > 0;
    passphrase.disabled = !written.disabled;
  };
  file.addEventListener('change', either);
  form.addEventListener('reset', () => queueMicrotask(either));
  either();
  onSubmit(
    form,
    says,
    text('common_importing'),
    async () => {
      const label = input.value.trim();
      if (!label) return missing(says, 'common_circle_name_missing', input);
      const picked = file.files?.[0];
      if (picked)
        return ask({ type: 'import-key', label, file: picked, passphrase: passphrase.value || undefined });
      const key = written.value.trim();
      return key
        ? ask({ type: 'import-key', label, text: key })
        : missing(says, 'common_import_nothing', written);
    },
    onMade,
  );
  place.replaceChildren(form);
}
