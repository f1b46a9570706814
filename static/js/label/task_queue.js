import { call } from '../lib/api.js';
import { LeasedQueue } from '../lib/leased_queue.js';
/** @import { ApiError } from '../lib/api.js' */
/** @import { Outbox } from '../lib/outbox.js' */
/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { HeldAnswer, Progress, Task, TasksAnswer } from '../types' */

/** How many images are leased ahead of the one on the screen: so many more can be answered while the server is away. */
const LEAST_AHEAD = 5;
const MOST_AHEAD = 30; // a minute or two; more would be stale after a round, and missing to other labellers
const SHARE_AHEAD = 0.1; // of what is open, so that the last images are not all held by one
const MOST_BACK = 50; // skipped images that come back at once
const LOOK_AGAIN = 5000; // milliseconds until the next question when the server has nothing to hand out

/**
 * The images this tab holds: the current one first, the next ones behind it.
 *
 * They are kept in sessionStorage, so that a reload goes on with the same image. Events: `filled` (the queue has grown or
 * shrunk), `progress` (the server's counts), `dry` (nothing to hand out), `gone` (the current image was taken away).
 *
 * @extends {LeasedQueue<{filled: void, gone: Task, dry: Progress, progress: Progress, trouble: ApiError}>}
 */
export class TaskQueue extends LeasedQueue {
  /**
   * @param {ProjectStorage} store
   * @param {Outbox} outbox
   * @param {(task: Task) => boolean} begun whether the labeller has answered something on this image already
   */
  constructor(store, outbox, begun) {
    super();
    this.store = store;
    this.outbox = outbox;
    this.begun = begun;
    this.ahead = LEAST_AHEAD;
    this.reserved = false; // whether open images are assigned to others, and none is left here
    const answered = outbox.answered();
    /** @type {Task[]} */
    this.queue = (store.get('tasks') ?? []).filter((/** @type {Task} */ task) => !answered.has(task.image_id));
  }

  get current() {
    return this.queue[0] ?? null;
  }

  keep() {
    this.store.set('tasks', this.queue);
  }

  /** The current image is finished. */
  shift() {
    this.queue.shift();
    this.keep();
  }

  /**
   * An earlier image comes back, before all others.
   *
   * @param {Task} task
   */
  unshift(task) {
    this.queue = [task, ...this.queue.filter((other) => other.image_id !== task.image_id)];
    this.keep();
  }

  /**
   * Images that a closed page of this labeller held come behind those that are here.
   *
   * @param {Task[]} tasks
   */
  takeOver(tasks) {
    const answered = this.outbox.answered();
    const here = new Set(this.queue.map((task) => task.image_id));
    this.queue.push(...tasks.filter((task) => !answered.has(task.image_id) && !here.has(task.image_id)));
    this.keep();
    if (this.queue.length > 0) this.tell('filled');
  }

  /**
   * The server has handed an image out anew.
   *
   * @param {?number} imageId
   * @param {string} lease
   */
  setLease(imageId, lease) {
    for (const task of this.queue) if (task.image_id === imageId) task.lease = lease;
    this.keep();
  }

  /** @override */
  async ask() {
    return this.take(await call('POST', 'tasks/next', this.request()));
  }

  request() {
    const unsent = [...this.outbox.answered().values()].map(({ body }) => ('lease' in body ? body.lease : null)).filter(Boolean);
    return {
      count: Math.max(0, this.ahead + 1 - this.queue.length),
      attribute: null,
      skipped: 'last',
      holding: [...this.queue.map((task) => task.lease), ...unsent],
    };
  }

  /**
   * Give the images behind the current one the suggestions of today. The one on the screen stays as the labeller sees it.
   *
   * @returns {Promise<{round: ?number, version: string}>} whose suggestions they are
   */
  async renew() {
    const holding = this.queue.slice(1).map((task) => task.lease);
    /** @type {HeldAnswer} */
    const { tasks, round, version } = await call('POST', 'tasks/suggestions', { holding });
    const cells = new Map(tasks.map((held) => [held.image_id, held.cells]));
    for (const task of this.queue.slice(1)) task.cells = cells.get(task.image_id) ?? task.cells;
    this.keep();
    return { round, version };
  }

  /**
   * Take the images that this labeller skipped; they come behind the current one.
   *
   * @returns {Promise<number>} how many came back
   */
  async bringBack() {
    const [current, before] = [this.current, new Set(this.queue)];
    this.take(await call('POST', 'tasks/next', { ...this.request(), count: MOST_BACK, skipped: 'only' }));
    const back = this.queue.filter((task) => !before.has(task));
    this.queue = [...this.queue.filter((task) => task === current), ...back, ...this.queue.filter((task) => task !== current && before.has(task))];
    this.keep();
    this.tell('filled');
    return back.length;
  }

  /**
   * @param {TasksAnswer} answer
   * @returns {number} milliseconds until the leases should be renewed, or the server asked again
   */
  take({ tasks, progress, lost, reserved }) {
    const answered = this.outbox.answered();
    const undone = this.outbox.undone();
    // A begun image is not taken from under the fingers: a late answer is kept as an opinion.
    const [first] = this.queue;
    this.queue = this.queue.filter((task) => !lost.includes(task.lease) || undone.has(task.image_id) || this.begun(task));
    for (const task of tasks) {
      const held = this.queue.find((other) => other.image_id === task.image_id);
      if (held) held.lease = task.lease;
      else if (!answered.has(task.image_id)) this.queue.push(task);
    }
    this.keep();
    this.ahead = Math.min(MOST_AHEAD, Math.max(LEAST_AHEAD, Math.floor(progress.open * SHARE_AHEAD)));
    this.reserved = reserved;
    this.tell('progress', progress);
    if (this.queue.length > 0) this.tell('filled');
    else this.tell('dry', progress);
    if (first && !this.queue.includes(first)) this.tell('gone', first);
    const room = this.queue.length <= this.ahead;
    if (room && (tasks.length > 0 || lost.length > 0)) return 0; // more can be had: ask at once
    return this.queue.length > 0 ? Math.min(...this.queue.map((task) => task.lease_seconds)) * 300 : LOOK_AGAIN;
  }
}
