// @ts-check
/**
 * The daemon: whether it answers, what it runs on, pairing and unpairing.
 *
 * @module
 */

import { ask } from '../shared/asking.js';
import { daemonView } from '../shared/daemon_words.js';
import { element, find, part } from '../shared/elements.js';
import { COMMANDS, command, problemNotice } from '../shared/notice.js';
import { pairForm } from '../shared/pair_form.js';
import { dated, text } from '../shared/text.js';
import { confirmed } from './confirmation.js';

/** @typedef {import('../shared/messages.js').Daemon} Daemon */

/** The state that is shown. @type {import('../shared/messages.js').DaemonState | null} */
let shown = null;

/** @param {() => Promise<void>} reload */
export function readyDaemon(reload) {
  part('#pair-command').replaceChildren(command(COMMANDS.pair));
  pairForm(part('#pair-form'), () => void reload());
  part('#unpair').addEventListener('click', async () => {
    const sure = await confirmed('options_unpair_sure', 'options_unpair_means', 'options_unpair');
    if (!sure) return;
    const answer = await ask({ type: 'unpair' });
    if (answer.ok) await reload();
    else part('#daemon-state').replaceChildren(problemNotice(answer.problem));
  });
}

/**
 * Look again, and show what has changed.
 * @param {() => Promise<void>} reload
 */
export async function refreshDaemon(reload) {
  const answer = await ask({ type: 'daemon' });
  if (answer.ok && answer.value.state !== shown) await reload();
  else if (answer.ok) part('#daemon-facts').replaceChildren(...facts(answer.value));
}

export async function showDaemon() {
  const answer = await ask({ type: 'daemon' });
  if (!answer.ok) {
    part('#daemon-state').replaceChildren(problemNotice(answer.problem));
    return;
  }
  const daemon = answer.value;
  shown = daemon.state;
  part('#daemon-state').replaceChildren(daemonView(daemon, { retry: () => void showDaemon() }));
  part('#daemon-facts').replaceChildren(...facts(daemon));
  part('#unpair').hidden = daemon.pairedAt === null;
  const pairing = find('#pairing', HTMLDetailsElement);
  if (daemon.state === 'not_paired' || daemon.state === 'wrong_daemon') pairing.open = true;
}

/** @param {Daemon} daemon */
function facts({ port, label, pairedAt, status }) {
  /** @type {[string, string | null | undefined][]} */
  const rows = [
    ['options_daemon_port', `127.0.0.1:${port}`],
    ['options_daemon_paired', pairedAt && dated(pairedAt, { dateStyle: 'long', timeStyle: 'short' })],
    ['options_daemon_label', label],
    ['options_daemon_version', status?.['version']],
    ['options_daemon_runs_on', status?.['providers'] && runsOn(status['providers'])],
    [
      'options_daemon_queue',
      status?.['queue'] && text('options_daemon_queue_of', status['queue'].admitted, status['queue'].limit),
    ],
  ];
  return rows.flatMap(([key, value]) =>
    value ? [element('dt', {}, text(key)), element('dd', {}, value)] : [],
  );
}

/**
 * `CUDAExecutionProvider` is what ONNX Runtime calls an NVIDIA card.
 * @param {Record<string, string>} providers  by network
 */
function runsOn(providers) {
  const names = new Set(Object.values(providers).map((each) => each.replace(/ExecutionProvider$/, '')));
  return [...names].map((name) => (name === 'CPU' ? text('options_daemon_cpu') : name)).join(', ');
}
