import { call } from '../lib/api.js';

/** How many images are leased ahead of the one on the screen: so many more can be answered while the server is away. */
const LEAST_AHEAD = 5;
const MOST_AHEAD = 30; // a minute or two; more would be stale after a round, and missing to other labellers
const SHARE_AHEAD = 0.1; // of what is open, so that the last images are not all held by one
const RETRY = 2000; // milliseconds until the next try when the server is away
const LOOK_AGAIN = 5000; // milliseconds until the next question when it has nothing to hand out

/**
 * The images this tab holds: the current one first, the next ones behind it.
 *
 * They are kept in sessionStorage, so that a reload goes on with the same image. Leases are renewed while the page is
 * visible. Events: `filled` (the queue has grown or shrunk), `progress` (the server's counts), `dry` (nothing to hand
 * out), `trouble` (ApiError).
 */
export class TaskQueue extends EventTarget {
  /**
   * @param {import('../lib/storage.js').ProjectStorage} store
   * @param {import('../lib/outbox.js').Outbox} outbox
   * @param {(task: Object) => boolean} begun whether the labeller has answered something on this image already
   */
  constructor(store, outbox, begun) {
    super();
    Object.assign(this, { store, outbox, begun, busy: false, again: false, timer: null, ahead: LEAST_AHEAD });
    const answered = outbox.answered();
    this.queue = (store.get('tasks') ?? []).filter((task) => !answered.has(task.image_id));
    document.addEventListener('visibilitychange', () => document.hidden || this.sync());
    addEventListener('online', () => this.sync());
  }

  get current() {
    return this.queue[0] ?? null;
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  keep() {
    this.store.set('tasks', this.queue);
  }

  /** The current image is finished. */
  shift() {
    this.queue.shift();
    this.keep();
  }

  /** An earlier image comes back, before all others. */
  unshift(task) {
    this.queue = [task, ...this.queue.filter((other) => other.image_id !== task.image_id)];
    this.keep();
  }

  /** The server has handed an image out anew. */
  setLease(imageId, lease) {
    for (const task of this.queue) if (task.image_id === imageId) task.lease = lease;
    this.keep();
  }

  /** Renew what is held and lease what is missing. One request at a time; a call meanwhile leads to one more. */
  async sync() {
    if (this.busy) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    Object.assign(this, { busy: true, again: false });
    let pause = RETRY;
    try {
      pause = this.take(await call('POST', 'tasks/next', this.request()));
    } catch (error) {
      if (!('passing' in error)) throw error;
      this.tell('trouble', error);
    } finally {
      this.busy = false;
    }
    if (this.again) this.sync();
    else this.timer = setTimeout(() => document.hidden || this.sync(), pause);
  }

  request() {
    const unsent = [...this.outbox.answered().values()].map((item) => item.body.lease).filter(Boolean);
    return {
      count: Math.max(0, this.ahead + 1 - this.queue.length),
      attribute: null,
      holding: [...this.queue.map((task) => task.lease), ...unsent],
    };
  }

  /** @returns {number} milliseconds until the leases should be renewed, or the server asked again */
  take({ tasks, progress, lost }) {
    const answered = this.outbox.answered();
    const undone = this.outbox.undone();
    // A begun image is not taken from under the fingers: a late answer is kept as an opinion.
    const stays = (task) => !lost.includes(task.lease) || undone.has(task.image_id) || this.begun(task);
    this.queue = this.queue.filter(stays);
    for (const task of tasks) {
      const held = this.queue.find((other) => other.image_id === task.image_id);
      if (held) held.lease = task.lease;
      else if (!answered.has(task.image_id)) this.queue.push(task);
    }
    this.keep();
    this.ahead = Math.min(MOST_AHEAD, Math.max(LEAST_AHEAD, Math.floor(progress.open * SHARE_AHEAD)));
    this.tell('progress', progress);
    if (this.queue.length > 0) this.tell('filled');
    else this.tell('dry', progress);
    const room = this.queue.length <= this.ahead;
    if (room && (tasks.length > 0 || lost.length > 0)) return 0; // more can be had: ask at once
    return this.queue.length > 0 ? Math.min(...this.queue.map((task) => task.lease_seconds)) * 300 : LOOK_AGAIN;
  }
}
