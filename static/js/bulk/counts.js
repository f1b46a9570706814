import { count } from '../lib/dom.js';
import { OUT } from '../lib/face_marks.js';
/** @import { Mark } from '../lib/face_marks.js' */
/** @import { SweepRequest } from '../types' */
/** @import { Page } from './page_queue.js' */

/** Live counts: the answers of this page, and what this session has done. */
export class PageCounts {
  /** @param {{count: HTMLElement, session: HTMLElement, commit: HTMLElement}} places */
  constructor(places) {
    this.places = places;
    this.pages = 0;
    this.answers = 0;
    this.milliseconds = 0;
  }

  /** @param {SweepRequest} body */
  add({ answers, milliseconds }) {
    this.pages += 1;
    this.answers += answers.length;
    this.milliseconds += milliseconds;
  }

  /**
   * A page was undone. It may have been kept before a reload, which these counts do not include.
   *
   * @param {SweepRequest} body
   */
  remove({ answers, milliseconds }) {
    this.pages = Math.max(0, this.pages - 1);
    this.answers = Math.max(0, this.answers - answers.length);
    this.milliseconds = Math.max(0, this.milliseconds - milliseconds);
  }

  /**
   * @param {?Page} page
   * @param {(mark?: Mark) => string} words
   */
  render(page, words) {
    const pace = this.answers > 0 ? ` · ${(this.milliseconds / 1000 / this.answers).toFixed(2)} s per face` : '';
    this.set('session', this.answers > 0 ? `${count(this.answers, 'face')} on ${count(this.pages, 'page')} this session${pace}` : '');
    if (!page) {
      this.set('count', '');
      return this.set('commit', 'Confirm the page');
    }
    /** @type {Map<Mark|undefined, number>} */
    const numbers = new Map([[page.answer, 0]]);
    for (const { image_id: id, lost } of page.images) {
      const mark = page.marks.of(id, page.answer);
      if (!lost) numbers.set(mark, (numbers.get(mark) ?? 0) + 1);
    }
    const named = (/** @type {[Mark|undefined, number]} */ [mark, number]) => (mark === undefined ? `${number} without a value` : `${number} ${words(mark)}`);
    this.set('count', [...numbers].map(named).join(' · '));
    const out = numbers.get(OUT) ?? 0;
    const kept = page.images.filter(({ lost }) => !lost).length - out;
    this.set('commit', page.answer === undefined ? 'Choose a value' : `Confirm ${kept}${out > 0 ? `, leave out ${out}` : ''}`);
  }

  /**
   * @param {'count'|'session'|'commit'} place
   * @param {string} text
   */
  set(place, text) {
    if (this.places[place].textContent !== text) this.places[place].textContent = text;
  }
}
