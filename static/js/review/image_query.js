import { call } from '../lib/api.js';

const FILTERS = ['name', 'attribute', 'value', 'disagreement', 'flag', 'faces', 'labeller', 'origin', 'split', 'group', 'source'];

/** The filters of a view, from a URL's query: only those that say something. */
export function filtersOf(query) {
  const given = new URLSearchParams(query);
  const filters = new URLSearchParams();
  for (const name of FILTERS) if (given.get(name)) filters.set(name, given.get(name));
  return filters;
}

/** A query with a place in it, such as `after` a name. */
export function withPlace(filters, place) {
  return new URLSearchParams([...filters, ...Object.entries(place).filter(([, value]) => value !== null)]);
}

/**
 * Read images of a view until there are as many as asked for or no more: the server answers with short pages when it has
 * to look through many images.
 *
 * @param {URLSearchParams} filters
 * @param {{after: ?string, before: ?string}} place
 * @param {number} limit
 * @param {(found: number) => void} [tell] called after each short page
 * @returns {Promise<{images: Object[], next: ?string}>}
 */
export async function readImages(filters, { after = null, before = null }, limit, tell = () => {}) {
  let images = [];
  let place = { after, before };
  for (;;) {
    const query = withPlace(filters, { ...place, limit: limit - images.length });
    const page = await call('GET', `images?${query}`);
    images = before === null ? [...images, ...page.images] : [...page.images, ...images];
    if (page.next === null || images.length >= limit) return { images, next: page.next };
    tell(images.length);
    place = before === null ? { after: page.next, before: null } : { after: null, before: page.next };
  }
}
