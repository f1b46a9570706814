/** Reading a map: the images on it, and what they are coloured by. */
import { ApiError, call } from '../lib/api.js';
import { ownUrl } from '../lib/urls.js';

/** @typedef {{count: number, ids: Uint32Array, places: Float32Array}} Points `places`: x and y of each image, from 0 to 1 */

const HEAD = 16; // bytes: a mark, the number of images, the number of images that the map was made for
const MARK = 'FLMAP1';

/**
 * Read the images on a map. Its address never changes its content, so the browser keeps it.
 *
 * @param {string} url
 * @returns {Promise<Points>}
 */
export async function readPoints(url) {
  const content = await fetchBytes(url);
  const count = content.byteLength < HEAD ? -1 : new DataView(content).getUint32(8, true);
  const mark = new TextDecoder().decode(new Uint8Array(content, 0, Math.min(MARK.length, content.byteLength)));
  if (mark !== MARK || content.byteLength !== HEAD + 12 * count) throw new TypeError('The map cannot be read. Load the page again.');
  return { count, ids: new Uint32Array(content, HEAD, count), places: new Float32Array(content, HEAD + 4 * count, 2 * count) };
}

/**
 * Read what each image is coloured by: one byte each.
 *
 * @param {number} map its number
 * @param {{by: string, attribute: string}} wish
 */
export async function readColours(map, { by, attribute }) {
  const query = new URLSearchParams(attribute ? { by, attribute } : { by });
  return new Uint8Array(await fetchBytes(ownUrl(`/map/${map}/colours?${query}`)));
}

/** @param {string} url */
async function fetchBytes(url) {
  const answer = await fetch(url);
  if (answer.ok) return answer.arrayBuffer();
  const { error } = await answer.json();
  throw new ApiError(answer.status, error);
}

/**
 * How many images a view has.
 *
 * @param {URLSearchParams} view
 * @returns {Promise<{images: number, complete: boolean}>}
 */
export const countImages = (view) => call('GET', `images/counts?${view}`);
