import { asApiError, call, randomKey } from './api.js';
import { Emitter } from './events.js';
/** @import { NewOutboxItem, OutboxItem, RefusedItem, StoredItem } from '../types' */
/** @import { ApiError } from './api.js' */
/** @import { ProjectStorage } from './storage.js' */

const LONGEST_WAIT = 15_000; // milliseconds between two tries while the server is away
const PATHS = { answer: 'annotations', undo: 'annotations/undo', exclude: 'exclusions', flag: 'flags', sweep: 'sweep', 'sweep undo': 'sweep/undo',
  people: 'people/confirm', 'people undo': 'people/undo' };

/**
 * Answers on their way to the server, kept in localStorage until it has acknowledged them.
 *
 * One storage entry per item, sorted by name, sent strictly in order by one tab at a time. An item leaves only when the
 * server has said 2xx, or has refused it for good: then it moves to the refused ones, which the page shows.
 *
 * An item's `key` is its Idempotency-Key, so that an item that is sent twice counts once.
 *
 * Events: `change`; `acknowledged` with the server's answer; `trouble` when it does not answer; `calm` when nothing waits.
 *
 * @extends {Emitter<{change: void, acknowledged: {item: OutboxItem, answer: any}, trouble: ApiError, calm: void}>}
 */
export class Outbox extends Emitter {
  /** @param {ProjectStorage} store */
  constructor(store) {
    super();
    this.store = store;
    this.failures = 0;
    /** @type {number|undefined} */
    this.timer = undefined;
    this.asked = false;
    this.channel = new BroadcastChannel(`${store.prefix}outbox`);
    this.channel.onmessage = ({ data }) => this.tell('acknowledged', data);
    addEventListener('storage', (event) => event.key?.startsWith(store.prefix) && this.tell('change'));
    addEventListener('online', () => this.send());
    document.addEventListener('visibilitychange', () => document.hidden || this.send());
  }

  /**
   * All waiting items, in the order in which they will be sent.
   *
   * @returns {StoredItem[]}
   */
  waiting() {
    return this.store.names('outbox:').map((name) => ({ name, ...this.store.get(name) }));
  }

  /**
   * Items that the server refused, with the reason in `error`.
   *
   * @returns {RefusedItem[]}
   */
  refused() {
    return this.store.names('refused:').map((name) => ({ name, ...this.store.get(name) }));
  }

  /**
   * Keep an item and send it.
   *
   * @param {NewOutboxItem} item
   * @returns {string} its key
   * @throws {DOMException} when the browser cannot keep it: the caller must not go on
   */
  add(item) {
    const key = item.key ?? randomKey();
    const last = Number(this.store.names('outbox:').at(-1)?.slice('outbox:'.length) ?? 0);
    // Microseconds since 1970 have 16 digits until the year 2286, so the names sort as the numbers do.
    const place = Math.max(Date.now() * 1000, last + 1);
    this.store.set(`outbox:${place}`, { ...item, key });
    this.tell('change');
    this.send();
    return key;
  }

  /** Images whose last waiting item is an answer or an exclusion: they must not be shown again. */
  answered() {
    const turns = this.waiting().filter((item) => item.kind === 'answer' || item.kind === 'exclude' || item.kind === 'undo');
    const last = new Map(turns.map((item) => [item.image_id, item]));
    return new Map([...last].flatMap(([image, item]) => (item.kind === 'undo' ? [] : [[image, item]])));
  }

  /** Images with an undo on its way: they are ours again, whatever the server says of the old lease. */
  undone() {
    return new Set(this.waiting().filter((item) => item.kind === 'undo').map((item) => item.image_id));
  }

  /**
   * Drop a refused item.
   *
   * @param {string} key
   * @returns {boolean} whether there was one
   */
  dropRefused(key) {
    const found = this.refused().find((item) => item.key === key);
    if (found) this.store.remove(found.name);
    if (found) this.tell('change');
    return Boolean(found);
  }

  /**
   * Send a refused item once more, after everything that waits.
   *
   * @param {string} key
   */
  sendAgain(key) {
    const refused = this.refused().find((one) => one.key === key);
    if (!refused) return; // another tab has sent or dropped it
    const { name, error, ...item } = refused;
    this.add(item);
    this.store.remove(name);
    this.tell('change');
  }

  /** Send what waits, unless this tab has asked for its turn already. Tabs take turns by a lock, where there are locks. */
  async send() {
    clearTimeout(this.timer);
    if (this.asked) return;
    this.asked = true;
    const turn = () => this.sendAll();
    try {
      // Without locks (plain http) two tabs may send the same item: the key makes it count once.
      await (navigator.locks ? navigator.locks.request(`${this.store.prefix}sender`, turn) : turn());
    } finally {
      this.asked = false;
    }
    if (this.failures === 0 && this.store.names('outbox:').length > 0) this.send();
  }

  async sendAll() {
    for (let name; (name = this.store.names('outbox:')[0]);) {
      /** @type {OutboxItem} */
      const item = this.store.get(name);
      try {
        const answer = await call('POST', PATHS[item.kind], item.body, item.key);
        this.acknowledge(name, item, answer);
      } catch (error) {
        const refusal = asApiError(error);
        if (refusal.passing) return this.tryLater(refusal);
        this.settle(name, item, refusal);
      }
    }
    this.failures = 0;
    this.tell('calm');
  }

  /**
   * @param {string} name
   * @param {OutboxItem} item
   * @param {any} answer
   */
  acknowledge(name, item, answer) {
    if (item.kind === 'undo') this.renew(item.image_id, answer.task?.lease);
    this.store.remove(name);
    this.failures = 0;
    this.channel.postMessage({ item, answer });
    this.tell('acknowledged', { item, answer });
    this.tell('change');
  }

  /**
   * An undo hands the image out again: answers given meanwhile belong to the new lease. None was sent yet.
   *
   * @param {number|null} imageId
   * @param {string} [lease]
   */
  renew(imageId, lease) {
    for (const { name, ...item } of this.waiting()) {
      if (item.kind === 'answer' && item.image_id === imageId) {
        this.store.set(name, { ...item, body: { ...item.body, lease } });
      }
    }
  }

  /** @param {ApiError} error */
  tryLater(error) {
    this.failures += 1;
    const wait = Math.min(LONGEST_WAIT, 250 * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.timer = setTimeout(() => this.send(), wait);
    this.tell('trouble', error);
  }

  /**
   * The server has refused this item for good.
   *
   * @param {string} name
   * @param {OutboxItem} item
   * @param {ApiError} error
   */
  settle(name, item, error) {
    if (error.leaseLost && item.kind === 'answer' && item.body.lease) { // the answer still counts as an opinion: send it without the lease
      this.store.set(name, { ...item, body: { ...item.body, lease: null } });
      return;
    }
    const undo = this.waiting().find(({ body }) => 'submission' in body && body.submission === item.key);
    const { what, kept, do: advice } = error;
    if (undo) this.store.remove(undo.name); // refused, and undone by the labeller: there is nothing to report
    else this.store.set(`refused:${name.slice('outbox:'.length)}`, { ...item, error: { what, kept, do: advice } });
    this.store.remove(name);
    this.tell('change');
  }
}
