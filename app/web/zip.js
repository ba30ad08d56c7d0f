// A ZIP archive of small files, stored as they are (PKWARE's APPNOTE, 4.3): PNG files do not get smaller.

const VERSION = 20;
const UTF8 = 1 << 11;
const DATE = (1 << 5) | 1; // 1980-01-01, the first day that a ZIP knows: equal files give equal archives

// files: [name, Uint8Array] pairs -> Blob
export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, bytes] of files) {
    const written = new TextEncoder().encode(name);
    const facts = [VERSION, UTF8, 0, 0, DATE, [crc32(bytes)], [bytes.length], [bytes.length], written.length, 0];
    const local = record(0x04034b50, ...facts);
    directory.push(record(0x02014b50, VERSION, ...facts, 0, 0, 0, [0], [offset]), written);
    parts.push(local, written, bytes);
    offset += local.length + written.length + bytes.length;
  }
  const size = directory.reduce((total, part) => total + part.length, 0);
  const end = record(0x06054b50, 0, 0, files.length, files.length, [size], [offset], 0);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

// Little-endian: the signature, then 16-bit numbers, and in brackets 32-bit ones.
function record(signature, ...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((total, field) => total + (Array.isArray(field) ? 4 : 2), 4)));
  view.setUint32(0, signature, true);
  let place = 4;
  for (const field of fields) {
    if (Array.isArray(field)) view.setUint32(place, field[0], true);
    else view.setUint16(place, field, true);
    place += Array.isArray(field) ? 4 : 2;
  }
  return new Uint8Array(view.buffer);
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
