/** Sending a file in pieces: a lost connection costs a piece, and the same file chosen again goes on where it stopped. */
import { asApiError, call, randomKey } from '../lib/api.js';
import { untilAnswered } from '../lib/retry.js';
/** @import { ApiError } from '../lib/api.js' */
/** @import { Import } from '../types' */

const PAUSE = 1000; // milliseconds between two tries of a piece

/**
 * The key of a file that is on its way, so that it is found again after the page was reloaded.
 *
 * @param {string} name
 * @param {Blob} file
 */
function keyOf(name, file) {
  const modified = file instanceof File ? file.lastModified : '';
  const place = `facelabel-upload:${name}:${file.size}:${modified}`;
  const key = localStorage.getItem(place) ?? randomKey();
  localStorage.setItem(place, key);
  return { key, forget: () => localStorage.removeItem(place) };
}

/**
 * @param {string} name
 * @param {Blob} file
 * @param {number} pieceBytes
 * @param {(row: Import) => void} progress called with the import after every piece
 * @param {(text: string) => void} note called with what is in the way
 * @returns {Promise<Import>} the import, queued to be tried
 * @throws {ApiError}
 */
export async function upload(name, file, pieceBytes, progress, note) {
  const { key, forget } = keyOf(name, file);
  const query = new URLSearchParams({ name, bytes: String(file.size), dry_run: '1' });
  const final = (/** @type {ApiError} */ error) => !error.passing || error.status === 403;
  /** @returns {Promise<Import>} */
  const insist = (/** @type {() => Promise<any>} */ send) => (
    untilAnswered(send, ({ message }) => note(`${message} Trying again …`), { wait: PAUSE, final }));
  try {
    let row = await insist(() => call('POST', `imports?${query}`, file.slice(0, pieceBytes), key));
    while (row.state === 'receiving') {
      progress(row);
      const { id, received } = row;
      const piece = file.slice(received, received + pieceBytes);
      row = await insist(() => call('POST', `imports/${id}/content?offset=${received}`, piece));
    }
    forget();
    return row;
  } catch (error) {
    if (asApiError(error).status !== 401) forget(); // refused: the next try is a new one
    throw error;
  }
}
