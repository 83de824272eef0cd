// @ts-check
/**
 * The warning that the page sent pictures which ermask has not seen.
 *
 * A page can cause as many warnings as it likes, from any number of frames. So they are gathered, the top
 * frame speaks for all of them, and after each card there is silence, each time for twice as long. None is
 * dropped: the next card counts what was left unsaid.
 */

/** @typedef {{sent: number, kept: number}} Unseen  pictures that left, and that were kept back */

/* exported unseen */
const unseen = (() => {
  const GATHERING = 500; // milliseconds
  const FIRST_SILENCE = 60_000;
  const LONGEST_SILENCE = 3_600_000;

  /** Of this frame, not passed on yet. @type {Unseen} */
  let gathered = { sent: 0, kept: 0 };
  let isGathering = false;
  /** Of all frames, not shown yet. @type {Unseen} */
  let unsaid = { sent: 0, kept: 0 };
  let silence = FIRST_SILENCE;
  let isSilent = false;

  async function passOn() {
    const { sent, kept } = gathered;
    gathered = { sent: 0, kept: 0 };
    isGathering = false;
    acquisitions.tell('unseen', sent);
    const isTop = window === window.top;
    const reply = isTop || !courier.connected() ? null : await courier.ask({ type: 'unseen', sent, kept });
    if (!reply?.ok || !reply.value.shown) add({ sent, kept });
  }

  /** @param {Unseen} more */
  function add(more) {
    unsaid = { sent: unsaid.sent + more.sent, kept: unsaid.kept + more.kept };
    if (!isSilent) show();
  }

  function show() {
    const { sent, kept } = unsaid;
    if (!sent && !kept) return;
    unsaid = { sent: 0, kept: 0 };
    isSilent = true;
    const said = [
      ...(sent ? [words.count('chip_unseen', sent)] : []),
      ...(kept ? [words.count('chip_unseen_blocked', kept)] : []),
    ];
    const [title, ...others] = said;
    stage.note(title, [...others, words.say('chip_unseen_why')], beSilent);
  }

  /** Once the card is gone, by itself or because the user closed it. */
  function beSilent() {
    setTimeout(() => {
      isSilent = false;
      show();
    }, silence);
    silence = Math.min(silence * 2, LONGEST_SILENCE);
  }

  return {
    /** The page's world has seen some. @param {{blocked: boolean, count: number}} letter */
    report: ({ blocked, count }) => {
      gathered[blocked ? 'kept' : 'sent'] += count;
      if (!isGathering) setTimeout(passOn, GATHERING);
      isGathering = true;
    },
    /** Another frame of this page has some. */
    add,
  };
})();
