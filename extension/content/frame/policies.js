// @ts-check
/** How this frame is to treat photos. Until that is known, photos are held. */

/** @typedef {import('../../shared/messages.js').Policy} Policy */

/* exported policies */
const policies = (() => {
  /** @type {Policy | null} */
  let now = null;
  /** @type {Promise<Problem | null> | null} */
  let asking = null;

  /** @param {Policy} policy */
  function set(policy) {
    now = policy;
    pageWorld.send({ type: 'policy', active: policy.active, strict: policy.strict });
    if (policy.active) words.prepare();
  }

  async function fetchPolicy() {
    const reply = await courier.ask({ type: 'policy' });
    // A change that was pushed meanwhile is newer than the answer.
    if (reply.ok && !now) set(reply.value);
    asking = null;
    return now ? null : /** @type {{problem: Problem}} */ (reply).problem;
  }

  /** Ask for the policy. @returns {Promise<Problem | null>} null once it is known */
  async function known() {
    if (now) return null;
    asking ??= fetchPolicy();
    return asking;
  }

  /** The page was away in the history, where nothing reaches it: what it knows may be old. */
  function renew() {
    if (now) pageWorld.send({ type: 'policy', active: true, strict: now.strict });
    now = null;
    return known();
  }

  return {
    set,
    known,
    renew,
    now: () => now,
    /** Whether photos go to the page untouched. */
    off: () => now !== null && !now.active,
  };
})();
