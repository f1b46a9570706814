/** Repeating a request: until the server answers, or a few times so that a change counts once. */
import { asApiError, call, randomKey } from './api.js';
/** @import { ApiError } from './api.js' */

const TRIES = 4;
const PAUSE = 700; // milliseconds between two tries of a change
const WAIT = 2000; // milliseconds between two tries of what a page needs

/**
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export function pause(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}

/**
 * Send a change so that it counts once: it is tried again with the same key while the server does not answer.
 *
 * @param {string} path below /api/v1/
 * @param {Object} body
 * @returns {Promise<{key: string, answer: any}>}
 * @throws {ApiError}
 */
export async function postOnce(path, body) {
  const key = randomKey();
  for (let left = TRIES; ; left -= 1) {
    try {
      return { key, answer: await call('POST', path, body, key) };
    } catch (error) {
      const { status } = asApiError(error);
      if (left <= 1 || (status !== 0 && status < 500)) throw error;
      await pause(PAUSE);
    }
  }
}

/**
 * Repeat a request until it succeeds.
 *
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {(error: ApiError) => void} [report] called after each failure
 * @param {{wait?: number, final?: (error: ApiError) => boolean}} [options] `wait`: milliseconds between two tries; `final`: whether
 *   a failure ends the tries
 * @returns {Promise<T>}
 * @throws {ApiError} a final failure
 */
export async function untilAnswered(attempt, report = () => {}, { wait = WAIT, final = () => false } = {}) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const failure = asApiError(error);
      if (final(failure)) throw failure;
      report(failure);
      await pause(wait);
    }
  }
}
