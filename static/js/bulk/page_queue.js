import { call } from '../lib/api.js';
import { FaceMarks, OUT } from '../lib/face_marks.js';

const PAGES = 2; // the one on the screen and the one after it
const RETRY = 2000; // milliseconds until the next try when the server is away
const LOOK_AGAIN = 5000; // milliseconds until the next question when it has nothing to hand out
const REMEMBERED = 1000; // images left out that are not shown again

/**
 * The pages this tab holds, the current one first.
 *
 * A page is `{attribute, value, answer, images, marks, back}`: `value` what the model predicts (null: the order of the
 * queue), `answer` what unmarked images get (undefined: not chosen yet), `back` the key of the submission that was taken
 * back to bring it here. Pages are kept in sessionStorage, so that a reload goes on with the same faces.
 * Events: `filled`, `groups` ([{code, cells}]), `trouble` (ApiError).
 */
export class PageQueue extends EventTarget {
  /**
   * @param {import('../lib/storage.js').ProjectStorage} store
   * @param {import('../lib/outbox.js').Outbox} outbox
   */
  constructor(store, outbox) {
    super();
    const kept = store.get('sweep') ?? {};
    const pages = (kept.pages ?? []).map((page) => ({ ...page, marks: new FaceMarks(page.marks) }));
    Object.assign(this, { store, outbox, wish: kept.wish ?? null, leaving: kept.leaving ?? [], without: kept.without ?? [], pages });
    Object.assign(this, { busy: false, again: false, timer: null, dry: false });
    document.addEventListener('visibilitychange', () => document.hidden || this.sync());
    addEventListener('online', () => this.sync());
  }

  get current() {
    return this.pages[0] ?? null;
  }

  get images() {
    return this.pages.flatMap((page) => page.images);
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
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
   * @param {{attribute: string, value: ?number, order: string, size: number}} wish `value` undefined: ask for the groups only
   */
  change(wish) {
    this.leave(this.images);
    Object.assign(this, { wish, pages: [], dry: false });
    this.keep();
    this.sync();
  }

  leave(images) {
    this.leaving.push(...images.filter(({ lost }) => !lost).map(({ lease }) => lease).filter(Boolean));
  }

  /** The current page is finished. */
  shift(leftOut) {
    this.without = [...this.without, ...leftOut].slice(-REMEMBERED);
    this.pages.shift();
    this.keep();
  }

  /** An earlier page comes back before all others, which must be of the same wish. */
  unshift(page) {
    const ids = new Set(page.images.map(({ image_id: id }) => id));
    this.without = this.without.filter((id) => !ids.has(id));
    this.pages.unshift(page);
    this.keep();
  }

  /** A submission was taken back: its images are ours again, but those that somebody else has taken. */
  setLeases(key, leased) {
    const page = this.pages.find(({ back }) => back === key);
    if (!page) return;
    const leases = new Map(leased.map(({ image_id: id, lease }) => [id, lease]));
    for (const image of page.images) Object.assign(image, { lease: leases.get(image.image_id), lost: !leases.has(image.image_id) });
    page.back = null;
    this.keep();
  }

  /** Renew what is held and lease what is missing. One request at a time; a call meanwhile leads to one more. */
  async sync() {
    if (this.busy || !this.wish) {
      this.again = Boolean(this.wish);
      return;
    }
    clearTimeout(this.timer);
    Object.assign(this, { busy: true, again: false });
    const { wish } = this;
    let pause = RETRY;
    try {
      pause = await this.ask(wish);
    } catch (error) {
      if (!('passing' in error)) throw error;
      this.tell('trouble', error);
    } finally {
      this.busy = false;
    }
    if (this.again || wish !== this.wish) this.sync();
    else this.timer = setTimeout(() => document.hidden || this.sync(), pause);
  }

  async ask(wish) {
    const { attribute, value, order, size } = wish;
    const unsent = this.outbox.waiting().flatMap(({ body }) => body.answers ?? []);
    const leaving = [...this.leaving];
    const held = [...this.pages.filter(({ back }) => !back).flatMap(({ images }) => images.filter(({ lost }) => !lost)), ...unsent];
    const count = value === undefined || this.pages.length >= PAGES ? 0 : size;
    const body = { attribute, value: value ?? null, order, count, without: this.without, leaving,
      holding: held.map(({ lease }) => lease).filter(Boolean) };
    const answer = await call('POST', 'sweep/next', body);
    this.leaving = this.leaving.filter((lease) => !leaving.includes(lease));
    return this.take(wish, count, answer);
  }

  /** @returns {number} milliseconds until the leases should be renewed, or the server asked again */
  take(wish, count, { images, groups, lost }) {
    if (wish !== this.wish) {
      this.leave(images); // came too late: something else is being swept by now
      return 0;
    }
    this.pages.forEach((page, place) => this.lose(page, place, new Set(lost)));
    this.pages = this.pages.filter((page, place) => place === 0 || page.images.length > 0);
    if (images.length > 0) this.pages.push({ attribute: wish.attribute, value: wish.value, answer: wish.answer, images, marks: new FaceMarks() });
    this.dry = count > 0 && images.length === 0;
    this.keep();
    this.tell('groups', groups);
    this.tell('filled');
    if (images.length > 0 && this.pages.length < PAGES) return 0;
    return this.pages.length > 0 ? Math.min(...this.images.map((image) => image.lease_seconds)) * 300 : LOOK_AGAIN;
  }

  /** Faces whose lease went to somebody else: marked on the page on the screen, gone from the one after it. */
  lose(page, place, lost) {
    if (page.back) return;
    const gone = ({ lease }) => lost.has(lease);
    if (place === 0) page.images.filter(gone).forEach((image) => { image.lost = true; });
    else page.images = page.images.filter((image) => !gone(image));
  }
}

/** The body of the request that keeps a page. */
export function bodyOf(page, milliseconds) {
  const answers = [];
  const leftOut = [];
  for (const { image_id, lease, suggestion, lost } of page.images) {
    const code = page.marks.of(image_id, page.answer);
    if (lost) continue;
    if (code === OUT) leftOut.push(lease);
    else answers.push({ image_id, lease, code, accepted: code !== null && suggestion?.code === code });
  }
  return { attribute: page.attribute, answers, left_out: leftOut.filter(Boolean), milliseconds };
}
