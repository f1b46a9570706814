import { call } from '../lib/api.js';
import { FaceMarks, NOT, OUT } from '../lib/face_marks.js';
import { LeasedQueue } from '../lib/leased_queue.js';
/** @import { ApiError } from '../lib/api.js' */
/** @import { Outbox } from '../lib/outbox.js' */
/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { Mark } from '../lib/face_marks.js' */
/** @import { SweepAnswer, SweepGroup, SweepImage, SweepRequest, SweepSearch } from '../types' */

const PAGES = 2; // the one on the screen and the one after it
const LOOK_AGAIN = 5000; // milliseconds until the next question when the server has nothing to hand out
const REMEMBERED = 1000; // images left out that are not shown again

/** @typedef {Omit<SweepImage, 'lease'> & {lease?: string, lost?: boolean}} PageImage `lost`: somebody else has taken it */

/**
 * What is swept. `inside`: a lasso on the map; without it, all images. `value`: what the model predicts; null: the order of the queue; undefined: the page asks for the groups only.
 * `answer`: what unmarked images get; undefined: not chosen yet.
 *
 * @typedef {{attribute: string, value?: ?number, answer?: ?number, order: string, size: number, inside?: ?string}} Wish
 */

/**
 * Images of one wish. `answer`: what unmarked images get. `searched`: the value that the page searches for; `other`: what images
 * without it get as their label, where there is one other value. `back`: the key of the submission that was undone to bring the
 * page here, until the server has answered.
 *
 * @typedef {{attribute: string, value?: ?number, answer?: Mark, searched?: number, other?: ?number, images: PageImage[], marks: FaceMarks,
 *   back?: ?string}} Page
 */

/**
 * The pages this tab holds, the current one first.
 *
 * They are kept in sessionStorage, so that a reload goes on with the same faces. Events: `groups` (how many cells each value
 * has), `search` (how far the search for a value is), `filled`.
 *
 * @extends {LeasedQueue<{filled: void, groups: SweepGroup[], search: ?SweepSearch, trouble: ApiError}>}
 */
export class PageQueue extends LeasedQueue {
  /**
   * @param {ProjectStorage} store
   * @param {Outbox} outbox
   */
  constructor(store, outbox) {
    super();
    /** @type {?string} the lasso on the map whose images are swept; null: all images */
    this.inside = new URLSearchParams(location.search).get('inside');
    this.store = store;
    this.outbox = outbox;
    const kept = store.get('sweep') ?? {};
    /** @type {?Wish} */
    this.wish = kept.wish ?? null;
    /** @type {string[]} leases to give back */
    this.leaving = kept.leaving ?? [];
    /** @type {number[]} */
    this.without = kept.without ?? [];
    /** @type {Page[]} */
    this.pages = (kept.pages ?? []).map((/** @type {any} */ page) => ({ ...page, marks: new FaceMarks(page.marks) }));
    this.dry = false; // the server had nothing to hand out
    if ((this.wish?.inside ?? null) !== this.inside) this.restart();
  }

  /** The tab swept something else before: its pages are given back. */
  restart() {
    this.leave(this.images);
    this.wish = null;
    this.pages = [];
    this.keep();
  }

  get current() {
    return this.pages[0] ?? null;
  }

  get images() {
    return this.pages.flatMap((page) => page.images);
  }

  /** @override */
  get wanted() {
    return this.wish !== null;
  }

  keep() {
    const { wish, leaving, without, pages } = this;
    try {
      this.store.set('sweep', { wish, leaving, without, pages });
    } catch { // a full session store only costs this page after a reload: what is committed lies in the outbox
      this.store.remove('sweep');
    }
  }

  /**
   * Sweep something else; the pages held are given up.
   *
   * @param {Wish} wish
   */
  change(wish) {
    this.leave(this.images);
    this.wish = { ...wish, inside: this.inside };
    this.pages = [];
    this.dry = false;
    this.keep();
    this.sync();
  }

  /** @param {PageImage[]} images */
  leave(images) {
    this.leaving.push(...leasesOf(images));
  }

  /**
   * The current page is finished.
   *
   * @param {number[]} leftOut
   */
  shift(leftOut) {
    this.without = [...this.without, ...leftOut].slice(-REMEMBERED);
    this.pages.shift();
    this.keep();
  }

  /**
   * An earlier page comes back before all others, which must be of the same wish.
   *
   * @param {Page} page
   */
  unshift(page) {
    const ids = new Set(page.images.map(({ image_id: id }) => id));
    this.without = this.without.filter((id) => !ids.has(id));
    this.pages.unshift(page);
    this.keep();
  }

  /**
   * A submission was undone: its images are ours again, but those that somebody else has taken.
   *
   * @param {string} key
   * @param {{image_id: number, lease: string}[]} leased
   */
  setLeases(key, leased) {
    const page = this.pages.find(({ back }) => back === key);
    if (!page) return;
    const leases = new Map(leased.map(({ image_id: id, lease }) => [id, lease]));
    for (const image of page.images) {
      image.lease = leases.get(image.image_id);
      image.lost = !leases.has(image.image_id);
    }
    page.back = null;
    this.keep();
  }

  /** @override */
  async ask() {
    const { wish } = this;
    if (wish === null) return LOOK_AGAIN;
    const unsent = this.outbox.waiting().flatMap((item) => (item.kind === 'sweep' ? item.body.answers : []));
    const leaving = [...this.leaving];
    const held = this.pages.filter(({ back }) => !back).flatMap(({ images }) => leasesOf(images));
    const count = wish.value === undefined || this.pages.length >= PAGES ? 0 : wish.size;
    const answer = await call('POST', 'sweep/next', {
      attribute: wish.attribute, value: wish.value ?? null, order: wish.order, count, ...(wish.inside ? { inside: wish.inside } : {}), without: this.without, leaving,
      holding: [...held, ...unsent.map(({ lease }) => lease)].filter(Boolean),
    });
    this.leaving = this.leaving.filter((lease) => !leaving.includes(lease));
    return this.take(wish, count, answer);
  }

  /**
   * @param {Wish} wish
   * @param {number} count
   * @param {SweepAnswer} answer
   * @returns {number} milliseconds until the leases should be renewed, or the server asked again
   */
  take(wish, count, { images, groups, search, lost }) {
    if (wish !== this.wish) {
      this.leave(images); // came too late: something else is being swept by now
      return 0;
    }
    this.pages.forEach((page, place) => lose(page, place, new Set(lost)));
    this.pages = this.pages.filter((page, place) => place === 0 || page.images.length > 0);
    const searched = search && typeof wish.value === 'number' ? { searched: wish.value, other: search.other, answer: search.mostly ? wish.value : NOT } : {};
    if (images.length > 0) this.pages.push({ attribute: wish.attribute, value: wish.value, answer: wish.answer, ...searched, images, marks: new FaceMarks() });
    this.dry = count > 0 && images.length === 0;
    this.keep();
    this.tell('groups', groups);
    this.tell('search', search);
    this.tell('filled');
    if (images.length > 0 && this.pages.length < PAGES) return 0;
    return this.pages.length > 0 ? Math.min(...this.images.map((image) => image.lease_seconds)) * 300 : LOOK_AGAIN;
  }
}

/**
 * @param {PageImage[]} images
 * @returns {string[]}
 */
function leasesOf(images) {
  return images.flatMap(({ lease, lost }) => (lease && !lost ? [lease] : []));
}

/**
 * Faces whose lease went to somebody else: marked on the page on the screen, gone from the one after it.
 *
 * @param {Page} page
 * @param {number} place
 * @param {Set<string>} lost
 */
function lose(page, place, lost) {
  if (page.back) return;
  const gone = (/** @type {PageImage} */ { lease }) => lease !== undefined && lost.has(lease);
  if (place > 0) page.images = page.images.filter((image) => !gone(image));
  else for (const image of page.images) if (gone(image)) image.lost = true;
}

/**
 * The body of the request that keeps a page.
 *
 * @param {Page} page whose `answer` is chosen
 * @param {number} milliseconds
 * @returns {SweepRequest}
 */
export function bodyOf(page, milliseconds) {
  /** @type {SweepRequest['answers']} */
  const answers = [];
  const leftOut = [];
  const ruledOut = [];
  for (const { image_id, lease, suggestion, lost } of page.images) {
    const mark = page.marks.of(image_id, page.answer);
    const code = mark === NOT ? page.other ?? NOT : mark;
    if (lost) continue;
    if (code === null || typeof code === 'number') answers.push({ image_id, lease, code, accepted: code !== null && suggestion?.code === code });
    else if (lease) leftOut.push(lease);
    if (code === NOT) ruledOut.push(image_id);
  }
  const search = page.searched === undefined ? {} : { searched: page.searched, ruled_out: ruledOut };
  return { attribute: page.attribute, answers, left_out: leftOut, ...search, milliseconds };
}

/**
 * The ids of the images to which a page gives no label.
 *
 * @param {Page} page
 */
export function leftOutOf(page) {
  return page.images.map(({ image_id: id }) => id).filter((id) => [OUT, NOT].includes(/** @type {string} */ (page.marks.of(id, page.answer))));
}
