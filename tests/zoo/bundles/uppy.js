// Uppy takes drops on an element by its own plug-in, and files of an input as its documentation says.

import Uppy from '@uppy/core';
import DropTarget from '@uppy/drop-target';
import XHRUpload from '@uppy/xhr-upload';

const uppy = new Uppy({ autoProceed: true })
  .use(XHRUpload, { endpoint: '/upload?page=uppy&via=library', fieldName: 'photo' })
  .use(DropTarget, { target: '#drop' });

document.querySelector('#pick').addEventListener('change', (event) => {
  for (const file of event.target.files) uppy.addFile({ name: file.name, type: file.type, data: file });
});
