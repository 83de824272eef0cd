// @ts-check
/**
 * A report to copy when something goes wrong. It stays here unless the user pastes it somewhere.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { find, part } from '../shared/elements.js';
import { text } from '../shared/text.js';
import { announce } from './saved_settings.js';

export function readyDiagnostics() {
  part('#report-copy').addEventListener('click', async () => {
    await navigator.clipboard.writeText(find('#report', HTMLTextAreaElement).value);
    announce(text('common_copied'));
  });
  part('#report-again').addEventListener('click', () => void showDiagnostics());
}

export async function showDiagnostics() {
  const answer = await ask({ type: 'diagnostics' });
  find('#report', HTMLTextAreaElement).value = answer.ok
    ? answer.value.text
    : `${answer.problem.code}: ${answer.problem.title}`;
}
