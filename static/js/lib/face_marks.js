/** The mark of a face that is left out of the page; it is answered later, alone. */
export const OUT = 'out';

/** The mark of a face that has not the value that is searched for. */
export const NOT = 'not';

/** @typedef {string|number|null} Mark `OUT`, `NOT`, a code, null for can't tell, or a page's own word */
/** @typedef {[id: number, mark?: Mark]} Replaced what an image was marked with before; nothing if it was not marked */

/**
 * The exceptions on one page: image id → `OUT`, a code, or null for can't tell. Independent of page and server.
 */
export class FaceMarks {
  /** @param {?{given: [number, Mark][], steps?: Replaced[][]}} kept an earlier `toJSON` */
  constructor(kept = null) {
    /** @type {Map<number, Mark>} */
    this.given = new Map(kept?.given ?? []);
    /** What each key press replaced. */
    this.steps = kept?.steps ?? [];
  }

  toJSON() {
    return { given: [...this.given], steps: this.steps };
  }

  /**
   * @param {number[]} ids
   * @param {Mark} [mark] undefined: these images are not marked any more
   */
  put(ids, mark) {
    this.steps.push(ids.map((id) => (this.given.has(id) ? [id, this.given.get(id)] : [id])));
    for (const id of ids) this.set(id, mark);
  }

  /**
   * @param {number} id
   * @param {Mark} [mark]
   */
  set(id, mark) {
    if (mark === undefined) this.given.delete(id);
    else this.given.set(id, mark);
  }

  /**
   * Mark these, or take the marks away if all of them are marked.
   *
   * @param {number[]} ids
   * @param {Mark} [mark] by default they are left out
   */
  toggle(ids, mark = OUT) {
    this.put(ids, ids.every((id) => this.given.has(id)) ? undefined : mark);
  }

  /** Undo the last step. @returns {?number[]} the images it changed, null when there is no step left */
  undo() {
    const step = this.steps.pop();
    step?.forEach(([id, mark]) => this.set(id, mark));
    return step?.map(([id]) => id) ?? null;
  }

  /**
   * What an image gets on a page whose unmarked images get `value`.
   *
   * @param {number} id
   * @param {Mark} [value]
   */
  of(id, value) {
    return this.given.has(id) ? this.given.get(id) : value;
  }
}
