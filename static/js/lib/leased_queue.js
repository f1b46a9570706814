import { asApiError } from './api.js';
import { Emitter } from './events.js';
/** @import { ApiError } from './api.js' */

const RETRY = 2000; // milliseconds until the next try when the server is away

/**
 * What this tab holds of the server's work, renewed and refilled while the page is visible.
 *
 * A subclass says in `ask` how. One request is under way at a time; a call of `sync` meanwhile leads to one more.
 *
 * @template {{trouble: ApiError}} Events `trouble`: the server did not hand out anything
 * @extends {Emitter<Events>}
 */
export class LeasedQueue extends Emitter {
  #asking = false;

  #again = false;

  /** @type {number|undefined} */
  #timer;

  constructor() {
    super();
    document.addEventListener('visibilitychange', () => document.hidden || this.sync());
    addEventListener('online', () => this.sync());
  }

  /**
   * Renew what is held and ask for what is missing.
   *
   * @abstract
   * @returns {Promise<number>} milliseconds until the next request
   */
  ask() {
    throw new TypeError('A queue says how it asks.');
  }

  /** Whether there is anything to ask for. */
  get wanted() {
    return true;
  }

  /** Ask now, or again as soon as the server has answered. */
  async sync() {
    if (!this.wanted) return;
    if (this.#asking) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#asking = true;
    this.#again = false;
    let pause = RETRY;
    try {
      pause = await this.ask();
    } catch (error) {
      this.tell('trouble', asApiError(error));
    } finally {
      this.#asking = false;
    }
    if (this.#again) this.sync();
    else this.#timer = setTimeout(() => document.hidden || this.sync(), pause);
  }
}
