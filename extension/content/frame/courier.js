// @ts-check
/**
 * Requests to the background. It may die at any time, and wakes for the next message; so what got no answer
 * is sent again. The daemon does nothing twice.
 */

/** @typedef {import('../../shared/messages.js').Problem} Problem */
/** @typedef {import('../../shared/messages.js').FromFrame} FromFrame */
/** @typedef {{ok: true, value: any} | {ok: false, problem: Problem}} Reply */

/* exported courier */
const courier = (() => {
  const PATIENCE = 180_000; // milliseconds without any answer
  const FIRST_PAUSE = 200;
  const LONGEST_PAUSE = 5_000;

  /** @param {string} code @returns {Problem} */
  const problem = (code) => ({
    code,
    title: words.say(`problem_${code}`) || words.say('chip_stuck_one'),
    detail: '',
    hint: words.say(`problem_${code}_hint`) || null,
  });

  /** @param {number} time @param {AbortSignal} [signal] @returns {Promise<void>} */
  const pause = (time, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      signal?.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });

  /** False once the extension was reloaded: this copy of it can no longer reach the background. */
  const connected = () => {
    try {
      return Boolean(chrome.runtime?.id);
    } catch {
      return false;
    }
  };

  /**
   * @param {FromFrame} request @param {AbortSignal} [signal] @returns {Promise<Reply>} never rejects
   */
  async function ask(request, signal) {
    const until = Date.now() + PATIENCE;
    for (let wait = FIRST_PAUSE; ; wait = Math.min(wait * 2, LONGEST_PAUSE)) {
      if (signal?.aborted) return { ok: false, problem: problem('cancelled') };
      if (!connected()) return { ok: false, problem: problem('extension_reloaded') };
      try {
        const reply = await chrome.runtime.sendMessage(request);
        if (reply) return reply;
      } catch {
        // the background went away with the question
      }
      if (Date.now() > until) return { ok: false, problem: problem('timeout') };
      await pause(wait, signal);
    }
  }

  return { ask, problem, connected };
})();
