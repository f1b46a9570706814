import { call } from '../lib/api.js';
/** @import { ImageCard } from '../types' */

/** @typedef {{images: ImageCard[], next: ?string}} ImagePage `next`: the name after which the view goes on */

const FILTERS = ['name', 'attribute', 'value', 'disagreement', 'flag', 'skipped', 'faces', 'labeller', 'origin', 'split', 'group', 'source', 'excluded'];

/**
 * The filters of a view, from a URL's query: only those that say something.
 *
 * @param {URLSearchParams|string} query
 */
export function filtersOf(query) {
  const given = new URLSearchParams(query);
  const filters = new URLSearchParams();
  for (const name of FILTERS) {
    const value = given.get(name);
    if (value) filters.set(name, value);
  }
  return filters;
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
