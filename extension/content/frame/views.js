// @ts-check
/** What the chip says about an acquisition, as plain data: it may be shown in another frame. */

/**
 * @typedef {'main' | 'plain' | 'careful'} Look  `careful`: works only once it has been in sight for a moment
 * @typedef {{action: string, index: number | null, label: string, look: Look}} ViewButton
 * @typedef {{name: string, title: string, hint: string, buttons: ViewButton[]}} ViewPhoto  one that failed
 * @typedef {{id: string, tone: 'busy' | 'ask' | 'stuck' | 'done' | 'note', title: string, lines: string[],
 *   progress: {done: number, total: number} | null, photos: ViewPhoto[], buttons: ViewButton[]}} View
 */

/* exported views */
const views = (() => {
  /**
   * What the user can do about a problem, beside trying again.
   * @type {Record<string, ['onboarding' | 'options', string]>}
   */
  const REMEDIES = {
    not_paired: ['onboarding', 'chip_pair'],
    unauthorized: ['onboarding', 'chip_pair'],
    daemon_down: ['onboarding', 'chip_help'],
    no_circle: ['options', 'chip_options'],
    unknown_circle: ['options', 'chip_options'],
    wrong_daemon: ['options', 'chip_options'],
    daemon_too_old: ['options', 'chip_options'],
  };

  /**
   * @param {Look} look
   * @param {string} action
   * @param {string} label
   * @param {number | null} [index]
   */
  const button = (look, action, label, index = null) => ({ action, index, label, look });

  /** @param {Acquisition} acquisition */
  const photosToProtect = ({ photos }) =>
    photos.filter(({ state }) => !['ignored', 'passed'].includes(state));

  /** The circle and how strongly. @param {Acquisition} acquisition */
  function manner({ policy }) {
    if (!policy) return [];
    const strength = words.say(`chip_strength_${policy.strength}`);
    return [policy.circleLabel ? words.say('chip_manner', policy.circleLabel, strength) : strength];
  }

  /** @param {Acquisition} acquisition */
  function busy(acquisition) {
    const photos = photosToProtect(acquisition);
    const done = photos.filter(({ state }) => !['waiting', 'working'].includes(state)).length;
    const total = photos.length;
    return {
      title: words.count('chip_protecting', total),
      lines: [...(total > 1 ? [words.say('chip_progress', done, total)] : []), ...manner(acquisition)],
      progress: { done, total },
      buttons: [button('plain', 'cancel', words.say('chip_cancel'))],
    };
  }

  /** @param {Acquisition} acquisition */
  function ask(acquisition) {
    const many = photosToProtect(acquisition).length;
    return {
      title: words.count('chip_ask', many),
      lines: manner(acquisition),
      buttons: [
        button('main', 'protect', words.say('chip_protect')),
        button('plain', 'cancel', words.say('chip_cancel')),
        button('careful', 'original', words.say(many > 1 ? 'chip_originals' : 'chip_original')),
      ],
    };
  }

  /** @param {Problem} problem */
  const remedy = ({ code }) => {
    const [page, label] = REMEDIES[code] ?? [];
    return page && label ? [button('plain', `open_${page}`, words.say(label))] : [];
  };

  /** @param {Acquisition} acquisition */
  function stuck(acquisition) {
    const failed = acquisition.photos
      .map((photo, index) => ({ photo, index }))
      .filter(({ photo }) => photo.state === 'failed');
    const codes = new Set(failed.map(({ photo }) => photo.problem?.code));
    const common = failed[0]?.photo.problem ?? acquisition.problem ?? courier.problem('timeout');
    const one = codes.size < 2; // the same for all: said once, decided once
    const many = Math.max(failed.length, 1);
    const reloaded = common.code === 'extension_reloaded';
    return {
      title: words.count('chip_stuck', many),
      lines: one ? textsOf(common) : [],
      photos:
        one && acquisition.photos.length === 1
          ? []
          : failed.map(({ photo, index }) => ({
              name: photo.file.name,
              title: one ? '' : (photo.problem?.title ?? ''),
              hint: one ? '' : (photo.problem?.hint ?? ''),
              buttons: [
                ...(one ? [] : [button('plain', 'retry', words.say('chip_retry'), index)]),
                button('plain', 'leave_out', words.say('chip_leave_out'), index),
                button('careful', 'original', words.say('chip_original'), index),
              ],
            })),
      buttons: [
        ...(reloaded ? [] : [button('main', 'retry', words.say('chip_retry'))]),
        ...(one ? remedy(common) : []),
        button('plain', 'cancel', words.say('chip_cancel')),
        button('careful', 'original', words.say(many > 1 ? 'chip_originals' : 'chip_original')),
      ],
    };
  }

  /** @param {Problem} problem */
  const textsOf = ({ title, detail, hint }) =>
    [title, detail === title ? '' : detail, hint ?? ''].filter((text) => text);

  /** @param {Acquisition} acquisition @param {string} state @param {string | null} [reason] */
  const countOf = ({ photos }, state, reason = null) =>
    photos.filter((photo) => photo.state === state && (!reason || photo.reason === reason)).length;

  /** @param {Acquisition} acquisition */
  function done(acquisition) {
    const changed = acquisition.photos.reduce((sum, { result }) => sum + (result?.changed ?? 0), 0);
    const small = acquisition.photos.reduce(
      (sum, { result }) => sum + (result ? result.found - result.changed : 0),
      0,
    );
    const safe = countOf(acquisition, 'protected');
    const unread = acquisition.photos.filter(
      ({ state, result }) => state === 'protected' && result?.matches.some(({ fits }) => !fits),
    ).length;
    const passed = [
      'no_face',
      'faces_too_small',
      'already_protected',
      'animated',
      'animated_image',
      'gif',
      'drawing',
    ].map((reason) => [reason, countOf(acquisition, 'passed', reason)]);
    const notes = [
      ...passed.map(([reason, n]) => (n ? words.count(`chip_passed_${reason}`, Number(n)) : '')),
      ...['original', 'left_out'].map((state) => {
        const n = countOf(acquisition, state);
        return n ? words.count(`chip_${state}`, n) : '';
      }),
      acquisition.gone ? words.say('chip_gone') : '',
    ].filter((text) => text);
    if (!safe && !notes.length) return null;
    return {
      tone: /** @type {View['tone']} */ (safe ? 'done' : 'note'),
      title: safe ? words.count('chip_done', safe) : /** @type {string} */ (notes.shift()),
      lines: [
        ...(safe ? [words.count('chip_faces', changed)] : []),
        ...(small ? [words.count('chip_faces_small', small)] : []),
        ...(safe ? manner(acquisition) : []),
        ...(unread ? [words.count('chip_key_unread', unread)] : []),
        ...notes,
      ],
      buttons: safe ? [button('plain', 'compare', words.say('chip_compare'))] : [],
    };
  }

  /** @param {Acquisition} acquisition @returns {View | null} null: nothing to show */
  function of(acquisition) {
    const base = { id: acquisition.id, lines: [], progress: null, photos: [], buttons: [] };
    switch (acquisition.phase) {
      case 'asking':
        return { ...base, tone: 'ask', ...ask(acquisition) };
      case 'working':
      case 'delivering':
        return { ...base, tone: 'busy', ...busy(acquisition) };
      case 'stuck':
        return { ...base, tone: 'stuck', ...stuck(acquisition) };
      case 'done': {
        const said = done(acquisition);
        return said && { ...base, ...said };
      }
      case 'policy':
        return {
          ...base,
          tone: 'busy',
          title: words.say('chip_starting'),
          progress: { done: 0, total: 0 },
          buttons: [button('plain', 'cancel', words.say('chip_cancel'))],
        };
      default:
        return null;
    }
  }

  /** @param {string} id @param {string} title @param {string[]} lines @returns {View} */
  const note = (id, title, lines = []) => ({
    id,
    tone: 'note',
    title,
    lines,
    progress: null,
    photos: [],
    buttons: [],
  });

  return { of, note };
})();
