import { find, findAll } from '../../lib/dom.js';
/** @import { ProjectStorage } from '../../lib/storage.js' */
/** @import { Draft } from '../draft.js' */

/** @typedef {'uncertain'|'top'} Start where the cursor starts on an image with suggestions */

/**
 * Which attribute is selected first and next, as the labeller chose, and the caret at the photo that names it unless it is the
 * first one.
 */
export class Cursor {
  /**
   * @param {ProjectStorage} local shared by tabs
   * @param {HTMLElement} caret
   * @param {HTMLElement} choice a group of radio buttons `cursor`
   */
  constructor(local, caret, choice) {
    this.local = local;
    this.caret = caret;
    for (const radio of findAll(choice, 'input')) {
      if (!(radio instanceof HTMLInputElement)) continue;
      radio.checked = radio.value === this.start;
      radio.addEventListener('change', () => local.set('cursor', radio.value));
    }
  }

  /** @returns {Start} */
  get start() {
    return this.local.get('cursor') === 'top' ? 'top' : 'uncertain';
  }

  /**
   * The attribute to select when an image comes on the screen.
   *
   * @param {Draft} draft
   */
  first(draft) {
    return this.next(draft, null);
  }

  /**
   * The attribute to select after one was answered.
   *
   * @param {Draft} draft
   * @param {?string} after null: none was
   */
  next(draft, after) {
    const suggested = [...draft.cells].some((name) => draft.open(name));
    if (!suggested || this.start === 'uncertain') return draft.next(after);
    const names = draft.schema.map(({ name }) => name).filter((name) => draft.cells.has(name));
    const place = after === null ? 0 : names.indexOf(after) + 1;
    return [...names.slice(place), ...names.slice(0, place)].find((name) => !draft.answers.has(name)) ?? null;
  }

  /**
   * Show at the photo which attribute is selected, if it is not the first one that is asked.
   *
   * @param {?Draft} draft
   * @param {?string} name
   */
  point(draft, name) {
    const attribute = name === null ? undefined : draft?.attribute(name);
    const first = draft?.schema.find((one) => draft.cells.has(one.name));
    this.caret.hidden = !attribute || attribute === first;
    if (attribute) find(this.caret, 'b').textContent = attribute.title;
  }
}
