import { call } from '../lib/api.js';
import { FaceMarks } from '../lib/face_marks.js';
import { LeasedQueue } from '../lib/leased_queue.js';
/** @import { ApiError } from '../lib/api.js' */
/** @import { Outbox } from '../lib/outbox.js' */
/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { FaceSet, SetsAnswer } from '../types' */

const AHEAD = 2; // sets held besides the one on the screen
const LOOK_AGAIN = 1000; // milliseconds until the next question while faces are being compared
const RENEW = 45_000; // milliseconds after which the faces on the screen are claimed again
const REMEMBERED = 5000; // skipped faces that are not shown again

/** @typedef {FaceSet & {marks: FaceMarks}} MarkedSet */

/**
 * The ids of the images in sets.
 *
 * @param {FaceSet[]} sets
 */
const idsOf = (sets) => sets.flatMap(({ faces }) => faces.map(({ image_id: id }) => id));

/**
 * The sets this tab holds, the one on the screen first.
 *
 * That one is kept in sessionStorage, so that a reload goes on with the same faces; those behind it are asked for anew after
 * every answer. Event: `filled`.
 *
 * @extends {LeasedQueue<{filled: void, trouble: ApiError}>}
 */
export class SetQueue extends LeasedQueue {
  /**
   * @param {ProjectStorage} store
   * @param {Outbox} outbox
   */
  constructor(store, outbox) {
    super();
    this.store = store;
    this.outbox = outbox;
    const kept = store.get('people') ?? {};
    /** @type {MarkedSet[]} */
    this.sets = kept.current ? [{ ...kept.current, marks: new FaceMarks(kept.current.marks) }] : [];
    /** @type {number[]} */
    this.without = kept.without ?? [];
    /** @type {?SetsAnswer} the server's last answer */
    this.latest = null;
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
    this.without = [...this.without, ...idsOf(this.sets.slice(0, 1))].slice(-REMEMBERED);
    this.shift();
  }

  /** Show what was skipped again. */
  forget() {
    this.without = [];
    this.sync();
  }

  /**
   * An earlier set comes back before all others.
   *
   * @param {MarkedSet} set
   */
  unshift(set) {
    const back = new Set(idsOf([set]));
    this.without = this.without.filter((id) => !back.has(id));
    this.sets = [set, ...this.sets.filter((other) => !idsOf([other]).some((id) => back.has(id)))];
    this.keep();
  }

  /** Images whose answers the server has not got yet. */
  get unsent() {
    return this.outbox.waiting().flatMap((item) => {
      if (item.kind !== 'people') return [];
      const { images, unsure, unknown, exceptions } = item.body;
      return [...images, ...unsure, ...unknown, ...exceptions];
    });
  }

  /** @override */
  async ask() {
    const { current } = this;
    const showing = current ? idsOf([current]) : [];
    const holding = this.unsent.filter((id) => !showing.includes(id)).slice(-1000);
    const count = current ? AHEAD : AHEAD + 1;
    /** @type {SetsAnswer} */
    const latest = await call('POST', 'people/sets', { count, showing, holding, without: this.without });
    this.latest = latest;
    if (current !== this.current) { // answered meanwhile: the new sets may hold the same faces
      this.sync();
      return 0;
    }
    const { sets, people, proposed, computing } = latest;
    if (current) Object.assign(current, { people, proposed });
    this.sets = [...(current ? [current] : []), ...sets.map((set) => ({ ...set, marks: new FaceMarks() }))];
    this.keep();
    this.tell('filled');
    return computing ? LOOK_AGAIN : RENEW;
  }
}
