import { FaceMarks } from '../lib/face_marks.js';
import { bodyOf, leftOutOf } from './page_queue.js';
/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { SweepRequest } from '../types' */
/** @import { Page } from './page_queue.js' */

const PAGES = 50; // that can be undone in one session

/** @typedef {Page & {key: string, order: string, milliseconds: number}} FinishedPage `key`: of its submission */

/** The pages of this tab's session that were kept, newest last, for undo. */
export class BulkHistory {
  /** @param {ProjectStorage} store */
  constructor(store) {
    this.store = store;
  }

  /** @param {FinishedPage} entry */
  push(entry) {
    try {
      this.store.set('sweep-history', [...(this.store.get('sweep-history') ?? []), entry].slice(-PAGES));
    } catch { // a full session store only costs undo: the answers are in the outbox
      this.store.remove('sweep-history');
    }
  }

  /**
   * The last page, ready to be shown again.
   *
   * @returns {?{page: Page, key: string, order: string, milliseconds: number, leftOut: number[], body: SweepRequest}} `body` as it was
   *   sent
   */
  get last() {
    const entry = this.store.get('sweep-history')?.at(-1);
    if (!entry) return null;
    const { key, order, milliseconds, ...rest } = entry;
    const page = { ...rest, marks: new FaceMarks({ given: entry.marks.given }), back: key };
    return { page, key, order, milliseconds, leftOut: leftOutOf(page), body: bodyOf(page, milliseconds) };
  }

  drop() {
    this.store.set('sweep-history', (this.store.get('sweep-history') ?? []).slice(0, -1));
  }
}
