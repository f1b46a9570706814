/** A polygon around images, as the server reads it: the map's number and the corners. */

const GRID = 10_000; // steps along each side of the map
const MOST = 180; // corners

/** @typedef {[x: number, y: number]} Place on the map, from 0 to 1 */

/**
 * The polygon as one text, such as `3_120.455-130.470-90.10`. Null if it has no area.
 *
 * @param {number} map its number
 * @param {Place[]} places of the corners
 */
export function lassoText(map, places) {
  const step = Math.max(1, places.length / MOST);
  /** @type {string[]} */
  const corners = [];
  for (let place = 0; place < places.length; place += step) {
    const corner = places[Math.floor(place)].map((number) => Math.round(Math.max(0, Math.min(1, number)) * GRID)).join('.');
    if (corner !== corners.at(-1)) corners.push(corner);
  }
  return corners.length < 3 ? null : `${map}_${corners.join('-')}`;
}

/**
 * The corners of a polygon.
 *
 * @param {string} text
 * @returns {Place[]}
 */
export function cornersOf(text) {
  return text.slice(text.indexOf('_') + 1).split('-').map((corner) => {
    const [x, y] = corner.split('.');
    return [Number(x) / GRID, Number(y) / GRID];
  });
}

/**
 * Which images lie inside: a line from each crosses the edges an odd number of times. The server counts in the same way.
 *
 * @param {Place[]} corners
 * @param {Float32Array} places x and y of each image
 */
export function imagesInside(corners, places) {
  const inside = new Uint8Array(places.length / 2);
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  for (let image = 0; image < inside.length; image += 1) {
    const [x, y] = [places[2 * image], places[2 * image + 1]];
    if (x < left || x > right || y < top || y > bottom) continue;
    let odd = false;
    for (let one = 0, other = corners.length - 1; one < corners.length; other = one, one += 1) {
      const [x1, y1, x2, y2] = [xs[other], ys[other], xs[one], ys[one]];
      if ((y1 > y) !== (y2 > y) && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
    }
    inside[image] = odd ? 1 : 0;
  }
  return inside;
}
