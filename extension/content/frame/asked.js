// @ts-check
/** Files the page asks for by itself, through handles or the clipboard's interface (page/handles.js). */

(() => {
  /** @param {{id: string, file: Blob, source: 'handle' | 'clipboard'}} letter */
  async function onAsked({ id, file: blob, source }) {
    /** @param {Blob | null} file  null: the original */
    const settle = (file) => pageWorld.send({ type: 'settle', id, file, cancelled: false });
    const cancel = async () => pageWorld.send({ type: 'settle', id, file: null, cancelled: true });
    if (policies.off()) return settle(null);
    if (source === 'clipboard' && blob.type === 'text/html') {
      const html = await blob.text();
      if (!flavours.embedded(html).length) return settle(null);
      return acquisitions.begin({
        files: [],
        strings: [['text/html', html]],
        deliver: async (_, [[, text]]) => {
          settle(text === html ? null : new Blob([text], { type: 'text/html' }));
          return 'given';
        },
        cancel,
      });
    }
    const ending = blob.type.split('/')[1] ?? '';
    const file = blob instanceof File ? blob : new File([blob], `clipboard.${ending}`, { type: blob.type });
    if (!pictures.possible(file)) return settle(null);
    return acquisitions.begin({
      files: [file],
      deliver: async ([given]) => {
        settle(given === file ? null : given);
        return 'given';
      },
      cancel,
    });
  }

  pageWorld.on('acquire', (letter) => void onAsked(letter));
})();
