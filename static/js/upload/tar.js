/** Several files as one tar archive, put together without reading them: a Blob of headers and files. */

const BLOCK = 512;
const encoder = new TextEncoder();

/**
 * One header block. Numbers are octal and end with NUL; the sum is taken with blanks in its own place.
 *
 * @param {string} name
 * @param {number} size
 * @param {string} type
 */
function header(name, size, type) {
  const block = new Uint8Array(BLOCK);
  const put = (/** @type {number} */ place, /** @type {string} */ text) => block.set(encoder.encode(text), place);
  const octal = (/** @type {number} */ place, /** @type {number} */ length, /** @type {number} */ number) => put(place, `${number.toString(8).padStart(length - 1, '0')}\0`);
  block.set(encoder.encode(name).slice(0, 100), 0);
  octal(100, 8, 0o644);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, size);
  octal(136, 12, 0);
  put(148, '        ');
  put(156, type);
  put(257, 'ustar\x0000');
  put(148, `${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `);
  return block;
}

const padding = (/** @type {number} */ size) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

/**
 * The record that carries a name of any length (POSIX pax): its own length, the word, the name.
 *
 * @param {string} name
 */
function nameRecord(name) {
  const rest = encoder.encode(` path=${name}\n`).length;
  let length = rest + 1;
  while (`${length}`.length + rest !== length) length = `${length}`.length + rest;
  const text = encoder.encode(`${length} path=${name}\n`);
  return [header('pax', text.length, 'x'), text, padding(text.length)];
}

/**
 * @param {Array<{path: string, file: File}>} entries
 * @returns {Blob}
 */
export function tar(entries) {
  const parts = entries.flatMap(({ path, file }) => [
    ...nameRecord(path), header(path, file.size, '0'), file, padding(file.size)]);
  return new Blob([...parts, new Uint8Array(2 * BLOCK)]);
}
