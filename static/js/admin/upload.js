/** Sending a file in pieces: a lost connection costs a piece, and the same file chosen again goes on where it stopped. */
import { ApiError, randomKey } from '../lib/api.js';

const TIMEOUT = 120_000; // milliseconds for one piece on a slow line
const PAUSE = 1000;

async function post(path, piece, key) {
  const headers = { 'Content-Type': 'application/octet-stream', ...(key && { 'Idempotency-Key': key }) };
  let response;
  try {
    response = await fetch(`/api/v1/imports${path}`, { method: 'POST', headers, body: piece, signal: AbortSignal.timeout(TIMEOUT) });
  } catch {
    throw new ApiError(0, { what: 'The server does not answer.' });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, answer.error ?? { what: `The server answered with status ${response.status}.` });
  return answer;
}

/** Send until the server has answered for good. */
async function insist(send, note) {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (!error.passing || error.status === 403) throw error;
      note(`${error.message} Trying again …`);
      await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    }
  }
}

/** The key of a file that is on its way, so that it is found again after the page was reloaded. */
function keyOf(name, file) {
  const place = `facelabel-upload:${name}:${file.size}:${file.lastModified ?? ''}`;
  const key = localStorage.getItem(place) ?? randomKey();
  localStorage.setItem(place, key);
  return [key, () => localStorage.removeItem(place)];
}

/**
 * @param {string} name
 * @param {Blob} file
 * @param {number} pieceBytes
 * @param {function(Object)} progress called with the import after every piece
 * @param {function(string)} note called with what is in the way
 * @returns {Promise<Object>} the import, queued to be tried
 */
export async function upload(name, file, pieceBytes, progress, note) {
  const [key, forget] = keyOf(name, file);
  const query = new URLSearchParams({ name, bytes: file.size, dry_run: 1 });
  try {
    let row = await insist(() => post(`?${query}`, file.slice(0, pieceBytes), key), note);
    while (row.state === 'receiving') {
      progress(row);
      const { id, received } = row;
      const piece = file.slice(received, received + pieceBytes);
      row = await insist(() => post(`/${id}/content?offset=${received}`, piece), note);
    }
    forget();
    return row;
  } catch (error) {
    if (error.status !== 401) forget(); // refused: the next try is a new one
    throw error;
  }
}
