/** The search for one value (order `find`): how far it is, in words. */
import { count } from '../lib/dom.js';
import { NOT } from '../lib/face_marks.js';
/** @import { SweepSearch } from '../types' */
/** @import { Page, Wish } from './page_queue.js' */

const DRAWN = 4; // one image in four of a page is drawn at random

/**
 * What a link asks to be swept: `?attribute=bald&value=1&order=find`; null without one, or if it is swept already.
 *
 * @param {?Wish} wish what is swept
 * @returns {?Pick<Wish, 'attribute'|'value'|'order'>}
 */
export function wishOfAddress(wish) {
  const asked = new URLSearchParams(location.search);
  const [attribute, value, order] = ['attribute', 'value', 'order'].map((name) => asked.get(name));
  if (!attribute) return null;
  const linked = { attribute, value: /^\d+$/.test(value ?? '') ? Number(value) : undefined, order: order ?? 'doubtful' };
  return attribute === wish?.attribute && linked.value === wish.value && linked.order === wish.order ? null : linked;
}

/** @param {number} share */
const percent = (share) => `${share < 1 ? Math.min(99, Math.round(100 * share)) : 100}`;

/**
 * @param {SweepSearch} search
 * @param {string} word the value's name
 * @param {number} size images of a page
 */
function nextStep({ enough, images, next_page: gain, source, answered }, word, size) {
  if (source === 'chance') return `The images are drawn at random until one is labelled “${word}” and a round has computed what images look like.`;
  if (answered === 0) return '';
  const perPage = (gain * (DRAWN - 1)) / DRAWN;
  if (enough) return `You can stop: a further page would show about ${perPage < 1 ? perPage.toFixed(1) : Math.round(perPage)}.`;
  const pages = Math.max(1, Math.ceil((images * DRAWN) / (DRAWN - 1) / size));
  return `About ${count(pages, 'more page')} to 95 %.`;
}

/** The line that says how far a search is. */
export class SearchStatus {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    /** @type {?SweepSearch} */
    this.search = null;
  }

  /** @param {?SweepSearch} search null: nothing is searched for */
  learn(search) {
    this.search = search;
  }

  /**
   * @param {string} word the value's name
   * @param {number} size images of a page
   * @param {?Page} shown the page on the screen
   */
  render(word, size, shown) {
    const { search, place } = this;
    place.hidden = search === null;
    if (search === null) return;
    const { found, recall, low, high, answered, source, enough } = search;
    const share = answered > 0 ? `About ${percent(recall)} % of “${word}” are found (${percent(low)}–${percent(high)} %): ${count(found, 'image')}.` : `${count(found, 'image')} of “${word}” so far.`;
    const how = source === 'likeness' ? 'Most like your examples first.' : '';
    const ask = shown?.answer === NOT ? `Click the faces that are “${word}”.` : '';
    const text = [share, nextStep(search, word, size), how, ask].filter(Boolean).join(' ');
    if (place.textContent !== text) place.textContent = text;
    place.dataset.enough = String(enough && answered > 0);
  }
}
