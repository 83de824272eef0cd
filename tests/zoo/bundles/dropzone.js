// Dropzone walks the entries of a drop, and opens an input of its own that it hides in the page.

import Dropzone from 'dropzone';

Dropzone.autoDiscover = false;
const zone = new Dropzone('#drop', {
  url: '/upload?page=dropzone&via=library',
  clickable: '#pick',
  paramName: 'photo',
  createImageThumbnails: false,
});
globalThis.zooInput = zone.hiddenFileInput;
