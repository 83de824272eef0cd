// A composer as React programs write them: a controlled input, React's own drop and paste events.

import { useState } from 'react';
import { createRoot } from 'react-dom/client';

function Composer() {
  const [photos, setPhotos] = useState([]);

  function add(files, via) {
    setPhotos((before) => [...before, ...Array.from(files, (file) => file.name)]);
    globalThis.zoo.uploadAll([...files], via);
  }

  return (
    <main>
      <input id="pick" type="file" multiple value="" onChange={(event) => add(event.target.files, 'picker')} />
      <div
        id="drop"
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          add(event.dataTransfer.files, 'drop');
        }}
      >
        Drop here
      </div>
      <div
        id="paste"
        tabIndex={0}
        onPaste={(event) => {
          event.preventDefault();
          add(event.clipboardData.files, 'paste');
        }}
      >
        Paste here
      </div>
      <p>{photos.join(', ')}</p>
    </main>
  );
}

createRoot(document.getElementById('root')).render(<Composer />);
