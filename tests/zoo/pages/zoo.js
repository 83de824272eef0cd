// What all pages of the zoo do with a file in the end: send it, whole and at once.

// a srcdoc frame has its parent's base address, and no other
const address = new URL(document.baseURI);
const page = address.pathname.slice(1).replace('.html', '');

globalThis.zoo = {
  /** Send one file; `via` says how the page came by it. */
  async upload(file, via) {
    const query = new URLSearchParams({ page, via, name: file.name ?? '' });
    const response = await fetch(new URL(`/upload?${query}`, address), { method: 'POST', body: file });
    if (!response.ok) throw new Error(await response.text());
    document.title = `sent ${file.name ?? 'a picture'}`;
  },

  async uploadAll(files, via) {
    for (const file of files) await this.upload(file, via);
  },

  /** Chosen files of an input, sent when it changes. */
  watch(input, via = 'picker') {
    input.addEventListener('change', () => this.uploadAll([...input.files], via));
  },

  /** Let a place take drops: the usual four lines. */
  catchDrops(place, take) {
    place.addEventListener('dragover', (event) => event.preventDefault());
    place.addEventListener('drop', (event) => {
      event.preventDefault();
      take(event.dataTransfer);
    });
  },
};
