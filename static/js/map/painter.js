/** Draws the images of a map as points, straight into the pixels of a canvas: 100,000 of them in a few milliseconds. */
import { NOTHING, UNSURE } from './legend.js';
/** @import { Look } from './legend.js' */
/** @import { Place } from './lasso.js' */
/** @import { Points } from './points.js' */
/** @import { Viewport } from './viewport.js' */

const FAINT = 0x40; // of 255: how much of its colour a point keeps that is not chosen
const LARGEST = 8; // CSS pixels across a point

export class Painter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.frames = 0;
    /** @type {?Points} */
    this.points = null;
    /** @type {Uint8Array} */
    this.bytes = new Uint8Array(0);
    this.order = new Uint32Array(0); // images without a value are drawn first, below the others
    /** @type {Look[]} */
    this.looks = [];
    /** @type {?Uint8Array} which images are chosen; null: all */
    this.chosen = null;
    /** @type {?ImageData} */
    this.picture = null;
    this.pixels = new Uint32Array(0);
  }

  /**
   * @param {number} width CSS pixels
   * @param {number} height
   */
  resize(width, height) {
    this.ratio = Math.min(2, devicePixelRatio || 1); // more would only cost time
    this.canvas.width = Math.max(1, Math.round(width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(height * this.ratio));
    this.picture = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Uint32Array(this.picture.data.buffer);
  }

  /**
   * @param {Points} points
   * @param {Uint8Array} bytes what each image is coloured by
   * @param {Look[]} looks how each byte is drawn
   */
  show(points, bytes, looks) {
    this.points = points;
    this.bytes = bytes;
    this.looks = looks;
    const below = (/** @type {number} */ byte) => byte === NOTHING || byte === UNSURE;
    this.order = new Uint32Array(points.count);
    let place = 0;
    for (const first of [true, false]) {
      for (let image = 0; image < points.count; image += 1) {
        if (below(bytes[image]) !== first || looks[bytes[image]].colour === 0) continue;
        this.order[place] = image;
        place += 1;
      }
    }
    this.order = this.order.subarray(0, place);
  }

  /**
   * @param {Viewport} view
   * @param {?Place[]} lasso corners of the polygon
   * @param {?number} ringed the place of an image that is marked
   */
  draw(view, lasso, ringed) {
    const { canvas, context, picture, pixels } = this;
    if (!picture) return;
    pixels.fill(0);
    if (this.points) this.dots(view);
    context.putImageData(picture, 0, 0);
    context.setTransform(this.ratio ?? 1, 0, 0, this.ratio ?? 1, 0, 0);
    context.strokeStyle = getComputedStyle(canvas).color;
    if (lasso && lasso.length > 1) this.outline(view, lasso);
    if (this.points && ringed !== null) {
      const [across, down] = view.pointOf(this.points.places[2 * ringed], this.points.places[2 * ringed + 1]);
      context.lineWidth = 2;
      context.beginPath();
      context.arc(across, down, 9, 0, 2 * Math.PI);
      context.stroke();
    }
    this.frames += 1;
    canvas.dataset.frames = String(this.frames);
  }

  /** Pixels across a point: more when there are few of them, or when the map is enlarged. @param {Viewport} view */
  size(view) {
    const usual = (this.points?.count ?? 0) > 20_000 ? 2 : (this.points?.count ?? 0) > 2000 ? 3.5 : 6;
    return Math.max(1, Math.round(Math.min(LARGEST, usual + 1.2 * Math.log2(view.zoom)) * (this.ratio ?? 1)));
  }

  /** @param {Viewport} view */
  dots(view) {
    const { pixels, order, bytes, looks, chosen } = this;
    const { places } = /** @type {Points} */ (this.points);
    const { width, height } = this.canvas;
    const size = this.size(view);
    const stamps = stampsOf(size, width);
    const ratio = this.ratio ?? 1;
    const scale = view.scale * ratio;
    const [left, top] = view.pointOf(0, 0).map((number) => number * ratio - size / 2);
    const colours = Uint32Array.from(looks, ({ colour }) => colour);
    const faint = Uint32Array.from(colours, (colour) => (colour === 0 ? 0 : (colour & 0xffffff) | (FAINT << 24)));
    for (const strong of chosen === null ? [true] : [false, true]) {
      for (let place = 0; place < order.length; place += 1) {
        const image = order[place];
        if (chosen !== null && (chosen[image] === 1) !== strong) continue;
        const x = Math.round(places[2 * image] * scale + left);
        const y = Math.round(places[2 * image + 1] * scale + top);
        if (x < 0 || y < 0 || x > width - size || y > height - size) continue;
        const byte = bytes[image];
        const colour = strong ? colours[byte] : faint[byte];
        const stamp = stamps[looks[byte].shape];
        const corner = y * width + x;
        for (let pixel = 0; pixel < stamp.length; pixel += 1) pixels[corner + stamp[pixel]] = colour;
      }
    }
  }

  /**
   * @param {Viewport} view
   * @param {Place[]} lasso
   */
  outline(view, lasso) {
    const { context } = this;
    context.lineWidth = 2;
    context.beginPath();
    for (const [x, y] of lasso) context.lineTo(...view.pointOf(x, y));
    context.closePath();
    context.globalAlpha = 0.08;
    context.fillStyle = context.strokeStyle;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
  }

  /**
   * The image that is nearest to a point of the screen; null if none is near.
   *
   * @param {Viewport} view
   * @param {number} across
   * @param {number} down
   * @param {number} reach CSS pixels
   */
  nearest(view, across, down, reach) {
    if (!this.points) return null;
    const { places } = this.points;
    const [x, y] = view.placeAt(across, down);
    let best = (reach / view.scale) ** 2;
    let found = null;
    for (const image of this.order) {
      const distance = (places[2 * image] - x) ** 2 + (places[2 * image + 1] - y) ** 2;
      if (distance < best) [best, found] = [distance, image];
    }
    return found;
  }
}

/** Which pixels of a square a shape fills, with x and y from -1 to 1. @type {((x: number, y: number) => boolean)[]} */
const FILLS = [
  (x, y) => x * x + y * y <= 1,
  (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.85,
  (x, y) => Math.abs(x) + Math.abs(y) <= 1.05,
  (x, y) => y >= 2 * Math.abs(x) - 1,
  (x, y) => y <= 1 - 2 * Math.abs(x),
  (x, y) => Math.min(Math.abs(x), Math.abs(y)) <= 0.3,
];

/**
 * For each shape, how far each of its pixels is from its upper left corner.
 *
 * @param {number} size pixels across
 * @param {number} width pixels of the picture
 */
function stampsOf(size, width) {
  return FILLS.map((fills) => {
    const pixels = [];
    for (let y = 0; y < size; y += 1) {
      for (let x = 0; x < size; x += 1) {
        const [right, below] = [(2 * x + 1) / size - 1, (2 * y + 1) / size - 1];
        if (size < 4 || fills(right, below)) pixels.push(y * width + x);
      }
    }
    return Int32Array.from(pixels);
  });
}
