// Declares the size and the CRC before the first byte, then sends slices.

const PIECE = 8192;

const table = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

async function post(path, body) {
  const response = await fetch(path, { method: 'POST', body });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

document.querySelector('#pick').addEventListener('change', async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  const { name, type, size } = file;
  const crc = crc32(new Uint8Array(await file.arrayBuffer()));
  const { id } = await post('/chunked/begin', JSON.stringify({ name, type, size, crc }));
  for (let offset = 0; offset < size; offset += PIECE) {
    await post(`/chunked/piece?id=${id}&offset=${offset}`, file.slice(offset, offset + PIECE));
  }
  await post(`/chunked/end?id=${id}&page=chunked&via=picker`, '');
  document.title = `sent ${name}`;
});
