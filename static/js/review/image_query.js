import { call } from '../lib/api.js';
/** @import { ImageCard } from '../types' */

/** @typedef {{images: ImageCard[], next: ?string}} ImagePage `next`: the name after which the view goes on */

/** What narrows a view, in the order of the page's fields; then what has no field. */
export const FILTERS = ['name', 'attribute', 'value', 'also', 'predicted', 'balanced', 'sure_from', 'sure_below', 'round', 'inside', 'disagreement', 'flag', 'skipped', 'faces', 'labeller', 'origin', 'split', 'group', 'source', 'filled', 'excluded'];

/** What belongs to the attribute of a view besides its value. */
export const OF_MODEL = ['predicted', 'balanced', 'sure_from', 'sure_below', 'round'];

/** The order of a view. */
const ORDER = ['order', 'like'];

/**
 * The filters of a view, from a URL's query: only those that say something.
 *
 * @param {URLSearchParams|string} query
 */
export const filtersOf = (query) => partsOf(query, FILTERS);

/**
 * The filters and the order of a view.
 *
 * @param {URLSearchParams|string} query
 */
export const viewOf = (query) => partsOf(query, [...FILTERS, ...ORDER]);

/**
 * @param {URLSearchParams|string} query
 * @param {string[]} names
 */
function partsOf(query, names) {
  const given = new URLSearchParams(query);
  const parts = new URLSearchParams();
  for (const name of names) {
    const value = given.get(name);
    if (value) parts.set(name, value);
  }
  return parts;
}

/**
 * Further values that a view asks for.
 *
 * @param {URLSearchParams} filters
 * @returns {[attribute: string, value: string][]}
 */
export function alsoOf(filters) {
  return (filters.get('also') ?? '').split(',').filter(Boolean).map((pair) => {
    const [attribute, value] = pair.split(':');
    return [attribute, value];
  });
}

/**
 * The view with other further values.
 *
 * @param {URLSearchParams} view
 * @param {[attribute: string, value: string][]} pairs
 */
export function withAlso(view, pairs) {
  const changed = new URLSearchParams(view);
  if (pairs.length > 0) changed.set('also', pairs.map((pair) => pair.join(':')).join(','));
  else changed.delete('also');
  return changed;
}

/**
 * A query with a place in it, such as `after` a name.
 *
 * @param {URLSearchParams} filters
 * @param {Record<string, string|number|null>} place
 */
export function withPlace(filters, place) {
  const query = new URLSearchParams(filters);
  for (const [name, value] of Object.entries(place)) if (value !== null) query.append(name, String(value));
  return query;
}

/**
 * Read images of a view until there are as many as asked for or no more: the server answers with short pages when it has
 * to look through many images.
 *
 * @param {URLSearchParams} filters
 * @param {{after?: ?string, before?: ?string}} place
 * @param {number} limit
 * @param {(read: number) => void} [tell] called after each short page
 * @returns {Promise<ImagePage>}
 */
export async function readImages(filters, { after = null, before = null }, limit, tell = () => {}) {
  /** @type {ImageCard[]} */
  let images = [];
  let place = { after, before };
  for (;;) {
    const query = withPlace(filters, { ...place, limit: limit - images.length });
    /** @type {ImagePage} */
    const page = await call('GET', `images?${query}`);
    images = before === null ? [...images, ...page.images] : [...page.images, ...images];
    if (page.next === null || images.length >= limit) return { images, next: page.next };
    tell(images.length);
    place = before === null ? { after: page.next, before: null } : { after: null, before: page.next };
  }
}
