/** A face that is left out of the page: it is answered later, on its own. */
export const OUT = 'out';

/**
 * The exceptions on one page: image id → `OUT`, a code, or null for can't tell. Knows no page and no server.
 */
export class Marks {
  /** @param {?Object} kept an earlier `toJSON` */
  constructor(kept = null) {
    this.given = new Map(kept?.given ?? []);
    this.steps = kept?.steps ?? []; // what each key press replaced: [[[image id, mark or undefined], …], …]
  }

  toJSON() {
    return { given: [...this.given], steps: this.steps };
  }

  put(ids, mark) {
    this.steps.push(ids.map((id) => (this.given.has(id) ? [id, this.given.get(id)] : [id])));
    for (const id of ids) this.set(id, mark);
  }

  set(id, mark) {
    if (mark === undefined) this.given.delete(id);
    else this.given.set(id, mark);
  }

  /** Leave these out; if all of them are marked, let them in again. */
  toggle(ids) {
    this.put(ids, ids.every((id) => this.given.has(id)) ? undefined : OUT);
  }

  /** Undo the last step. @returns {?number[]} the images it changed, null when there is no step left */
  takeBack() {
    const step = this.steps.pop();
    step?.forEach(([id, mark]) => this.set(id, mark));
    return step?.map(([id]) => id) ?? null;
  }

  /** What an image gets on a page of this value: `OUT`, a code or null. */
  of(id, value) {
    return this.given.has(id) ? this.given.get(id) : value;
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
