import { call, randomKey } from './api.js';

const TRIES = 4;
const PAUSE = 700; // milliseconds between two tries

/**
 * Send a change so that it counts once: tried again with the same key while the server does not answer.
 *
 * @param {string} path below /api/v1/
 * @param {Object} body
 * @returns {Promise<{key: string, answer: Object}>}
 * @throws {import('./api.js').ApiError}
 */
export async function once(path, body) {
  const key = randomKey();
  for (let left = TRIES; ; left -= 1) {
    try {
      return { key, answer: await call('POST', path, body, key) };
    } catch (error) {
      if (left <= 1 || (error.status !== 0 && error.status < 500)) throw error;
      await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    }
  }
}
