// @ts-check
/**
 * Taking a photo from the user: a file picker that files can be dropped on.
 *
 * @module
 */

/**
 * @param {HTMLElement} place  marked with the class `over` while a file is above it
 * @param {HTMLInputElement} picker
 * @param {(photo: File) => void} onPhoto
 */
export function acceptPhotos(place, picker, onPhoto) {
  const take = (/** @type {FileList | null | undefined} */ files) => {
    const first = files?.[0];
    if (first) onPhoto(first);
  };
  picker.addEventListener('change', () => {
    take(picker.files);
    // the same file can be picked again
    picker.value = '';
  });
  place.addEventListener('dragover', (event) => {
    event.preventDefault();
    place.classList.add('over');
  });
  place.addEventListener('dragleave', () => place.classList.remove('over'));
  place.addEventListener('drop', (event) => {
    event.preventDefault();
    place.classList.remove('over');
    take(event.dataTransfer?.files);
  });
}

/** @param {(photo: File) => void} onPhoto */
export function acceptPastes(onPhoto) {
  document.addEventListener('paste', (event) => {
    const photo = [...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith('image/'));
    if (!photo) return;
    event.preventDefault();
    onPhoto(photo);
  });
}
