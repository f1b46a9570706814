import { FaceMarks, OUT } from '../lib/face_marks.js';
import { bodyOf } from './page_queue.js';

const PAGES = 50; // that can be taken back in one session

/** The pages of this tab's session that were kept, the newest last, for undo. */
export class BulkHistory {
  constructor(store) {
    this.store = store;
  }

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
   * @returns {?{page: Object, order: string, milliseconds: number, leftOut: number[], body: Object}} `body` as it was sent
   */
  get last() {
    const entry = this.store.get('sweep-history')?.at(-1);
    if (!entry) return null;
    const { key, order, milliseconds, ...rest } = entry;
    const page = { ...rest, marks: new FaceMarks({ given: entry.marks.given }), back: key };
    const leftOut = page.images.map(({ image_id: id }) => id).filter((id) => page.marks.of(id) === OUT);
    return { page, order, milliseconds, leftOut, body: bodyOf(page, milliseconds) };
  }

  drop() {
    this.store.set('sweep-history', this.store.get('sweep-history').slice(0, -1));
  }
}
