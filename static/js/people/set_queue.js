import { call } from '../lib/api.js';
import { FaceMarks } from '../lib/face_marks.js';

const AHEAD = 2; // sets held besides the one on the screen
const RETRY = 2000; // milliseconds until the next try when the server is away
const LOOK_AGAIN = 1000; // milliseconds until the next question while faces are being compared
const RENEW = 45_000; // milliseconds after which the faces on the screen are claimed anew
const REMEMBERED = 5000; // faces skipped that are not shown again

const idsOf = (sets) => sets.flatMap(({ faces }) => faces.map(({ image_id: id }) => id));

/**
 * The sets this tab holds, the one on the screen first; each has its `marks`. They are kept in sessionStorage, so that a
 * reload goes on with the same faces; those behind the first are asked for anew after every answer.
 *
 * Events: `filled`, `trouble` (ApiError).
 */
export class SetQueue extends EventTarget {
  /**
   * @param {import('../lib/storage.js').ProjectStorage} store
   * @param {import('../lib/outbox.js').Outbox} outbox
   */
  constructor(store, outbox) {
    super();
    const kept = store.get('people') ?? {};
    const sets = kept.current ? [{ ...kept.current, marks: new FaceMarks(kept.current.marks) }] : [];
    Object.assign(this, { store, outbox, sets, without: kept.without ?? [], told: null, busy: false, again: false, timer: null });
    document.addEventListener('visibilitychange', () => document.hidden || this.sync());
    addEventListener('online', () => this.sync());
  }

  get current() {
    return this.sets[0] ?? null;
  }

  get faces() {
    return this.sets.flatMap(({ faces }) => faces);
  }

  keep() {
    try {
      this.store.set('people', { current: this.current, without: this.without });
    } catch { // a full session store only costs this set after a reload: what is confirmed lies in the outbox
      this.store.remove('people');
    }
  }

  /** The current set is finished. */
  shift() {
    this.sets.shift();
    this.keep();
  }

  /** The current set is not wanted now. */
  skip() {
    this.without = [...this.without, ...idsOf([this.current])].slice(-REMEMBERED);
    this.shift();
  }

  /** Show what was skipped again. */
  forget() {
    this.without = [];
    this.sync();
  }

  /** An earlier set comes back before all others. */
  unshift(set) {
    const back = new Set(idsOf([set]));
    this.without = this.without.filter((id) => !back.has(id));
    this.sets = [set, ...this.sets.filter((other) => !idsOf([other]).some((id) => back.has(id)))];
    this.keep();
  }

  /** Ask for what is missing. One request at a time; a call meanwhile leads to one more. */
  async sync() {
    if (this.busy) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    Object.assign(this, { busy: true, again: false });
    let pause = RETRY;
    try {
      pause = await this.ask();
    } catch (error) {
      if (!('passing' in error)) throw error;
      this.dispatchEvent(new CustomEvent('trouble', { detail: error }));
    } finally {
      this.busy = false;
    }
    if (this.again) this.sync();
    else this.timer = setTimeout(() => document.hidden || this.sync(), pause);
  }

  /** @returns {Promise<number>} milliseconds until the next question */
  async ask() {
    const { current } = this;
    const unsent = this.outbox.waiting().flatMap(({ body }) => [body.images, body.unsure, body.unknown, body.exceptions]).flat();
    const showing = current ? idsOf([current]) : [];
    const holding = unsent.filter((id) => id !== undefined && !showing.includes(id)).slice(-1000);
    const body = { count: current ? AHEAD : AHEAD + 1, showing, holding, without: this.without };
    this.told = await call('POST', 'people/sets', body);
    if (current !== this.current) { // answered meanwhile: what was told may hold the same faces
      this.again = true;
      return 0;
    }
    const { sets, people, proposed, computing } = this.told;
    if (current) Object.assign(current, { people, proposed });
    this.sets = [...(current ? [current] : []), ...sets.map((set) => ({ ...set, marks: new FaceMarks() }))];
    this.keep();
    this.dispatchEvent(new CustomEvent('filled'));
    return computing ? LOOK_AGAIN : RENEW;
  }
}
