/** @import { Box } from '../types' */

/** @typedef {{width: number, height: number}} Size */

/**
 * How an image is seen: `frame` in pixels of the page, `size` in pixels of the image; enlarged `scale` times from where it is whole, and
 * moved by `x`, `y` pixels of the page.
 *
 * @typedef {{frame: Size, size: Size, scale: number, x: number, y: number}} View
 */

const STEP = 1.4;
const LARGEST = 8; // times, or more in an image of many megapixels: one of its pixels fills two of the screen
const LARGEST_PIXEL = 2;
const CLOSE = 2.5; // times, after a double click
const MOVE = 0.15; // of the frame's width, for one key press

/**
 * A look closer at the image: by keys, wheel, drag and pinch. The frame's `data-zoom` says how close.
 *
 * An image starts whole or with a part of it filling the frame. The zoom is a CSS transform, so nothing is loaded or laid out again.
 */
export class Zoom {
  /**
   * @param {HTMLElement} frame what is seen; gets the pointer's events
   * @param {HTMLElement[]} layers what is moved and enlarged within it
   * @param {{onmove: (view: View) => void, onframe: () => void}} listeners `onframe`: the frame has another size
   */
  constructor(frame, layers, { onmove, onframe }) {
    this.frame = frame;
    this.layers = layers;
    this.onmove = onmove;
    this.onframe = onframe;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.size = { width: 1, height: 1 }; // of the image, in its own pixels
    /** @type {?Box} */
    this.part = null; // where the image begins, in shares of its sides; null: whole
    /** @type {Map<number, [x: number, y: number]>} */
    this.pointers = new Map();
    frame.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    frame.addEventListener('pointerdown', (event) => this.down(event));
    frame.addEventListener('pointermove', (event) => this.move(event));
    frame.addEventListener('pointerup', (event) => this.pointers.delete(event.pointerId));
    frame.addEventListener('pointercancel', (event) => this.pointers.delete(event.pointerId));
    // The size is observed and not read: reading it after a change of the page would make the browser lay it out twice.
    /** @type {Size} the frame's size */
    this.space = { width: frame.clientWidth, height: frame.clientHeight };
    new ResizeObserver(([{ contentRect: { width, height } }]) => this.fit({ width, height })).observe(frame);
    frame.addEventListener('dblclick', (event) => (this.scale > 1 ? this.whole() : this.by(CLOSE, this.place(event))));
  }

  /**
   * A pointer's place from the frame's middle, in pixels.
   *
   * @param {MouseEvent} event
   * @returns {[x: number, y: number]}
   */
  place({ clientX, clientY }) {
    const { left, top, width, height } = this.frame.getBoundingClientRect();
    return [clientX - left - width / 2, clientY - top - height / 2];
  }

  /**
   * One step in (1) or out (-1), or back to the whole image (0).
   *
   * @param {1|0|-1} direction
   */
  step(direction) {
    if (direction === 0) this.whole();
    else this.by(STEP ** direction);
  }

  /**
   * Enlarge; what is at `place` stays there.
   *
   * @param {number} factor
   * @param {[x: number, y: number]} place
   */
  by(factor, [px, py] = [0, 0]) {
    const scale = Math.min(this.largest, Math.max(1, this.scale * factor));
    const grown = scale / this.scale;
    this.set(scale, px - (px - this.x) * grown, py - (py - this.y) * grown);
  }

  /**
   * Move the image by a key: [1, 0] to the right.
   *
   * @param {[x: number, y: number]} direction
   */
  pan([dx, dy]) {
    const width = this.space.width * MOVE;
    this.set(this.scale, this.x + dx * width, this.y + dy * width);
  }

  whole() {
    if (this.scale > 1) this.set(1, 0, 0);
  }

  /**
   * Begin with a part of an image, or with all of it.
   *
   * @param {Size} size of the image
   * @param {?Box} part in shares of its sides
   */
  begin(size, part) {
    this.size = size;
    this.part = part;
    this.reset();
  }

  /** @param {Size} space the frame's new size */
  fit(space) {
    if (space.width === this.space.width && space.height === this.space.height) return;
    this.space = space;
    if (this.part) this.reset();
    else this.set(this.scale, this.x, this.y);
    this.onframe();
  }

  get largest() {
    return largest(this.space, this.size);
  }

  /** @returns {View} */
  get view() {
    const { size, scale, x, y } = this;
    return { frame: this.space, size, scale, x, y };
  }

  /** Whether the image is seen as it began. */
  get resting() {
    const { scale, x, y } = beginning(this.space, this.size, this.part);
    return this.scale === scale && this.x === x && this.y === y;
  }

  /** Back to where the image began. */
  reset() {
    const { scale, x, y } = beginning(this.space, this.size, this.part);
    this.set(scale, x, y);
  }

  /**
   * Never leave more of the frame empty than the whole image would.
   *
   * @param {number} scale
   * @param {number} x
   * @param {number} y
   */
  set(scale, x, y) {
    Object.assign(this, { scale, ...within(this.space, scale, x, y) });
    for (const { style } of this.layers) {
      style.transform = scale > 1 ? `translate(${this.x}px, ${this.y}px) scale(${scale})` : '';
      style.setProperty('--zoom', String(scale));
    }
    if (scale > 1) this.frame.dataset.zoom = scale.toFixed(1);
    else delete this.frame.dataset.zoom;
    this.onmove(this.view);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    this.by(STEP ** (-Math.sign(event.deltaY) * Math.min(1, Math.abs(event.deltaY) / 100)), this.place(event));
  }

  /** @param {PointerEvent} event */
  down(event) {
    this.pointers.set(event.pointerId, this.place(event));
    this.frame.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const from = this.pointers.get(event.pointerId);
    if (!from) return;
    const to = this.place(event);
    this.pointers.set(event.pointerId, to);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const distance = (/** @type {[number, number]} */ [x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
      this.by(distance(to) / distance(from), other); // the finger that rests holds its place
    } else if (this.scale > 1 && !(event.pointerType === 'touch' && this.resting)) this.set(this.scale, this.x + to[0] - from[0], this.y + to[1] - from[1]);
  }
}

/**
 * Pixels of the page for one pixel of an image while it is whole.
 *
 * @param {Size} frame
 * @param {Size} size
 */
const fit = (frame, size) => Math.min(frame.width / size.width, frame.height / size.height);

/**
 * @param {Size} frame
 * @param {Size} size
 */
const largest = (frame, size) => Math.max(LARGEST, LARGEST_PIXEL / fit(frame, size));

/**
 * Never leave more of the frame empty than the whole image would.
 *
 * @param {Size} frame
 * @param {number} scale
 * @param {number} x
 * @param {number} y
 */
function within({ width, height }, scale, x, y) {
  const most = (/** @type {number} */ side) => (side * (scale - 1)) / 2;
  return { x: Math.max(-most(width), Math.min(most(width), x)), y: Math.max(-most(height), Math.min(most(height), y)) };
}

/**
 * The view with which an image begins: whole, or with a part of it filling the frame.
 *
 * @param {Size} frame
 * @param {Size} size
 * @param {?Box} part in shares of the image's sides
 * @returns {View}
 */
export function beginning(frame, size, part) {
  if (!part || frame.width === 0) return { frame, size, scale: 1, x: 0, y: 0 };
  const [left, top, right, bottom] = part;
  const [wide, high] = [size.width * fit(frame, size), size.height * fit(frame, size)];
  const scale = Math.min(largest(frame, size), Math.max(1, Math.min(frame.width / (wide * (right - left)), frame.height / (high * (bottom - top)))));
  return { frame, size, scale, ...within(frame, scale, (0.5 - (left + right) / 2) * wide * scale, (0.5 - (top + bottom) / 2) * high * scale) };
}

/**
 * What is seen of an image, in its pixels, and how many pixels of the page one of them takes.
 *
 * @param {View} view
 * @returns {{box: Box, density: number}}
 */
export function seen({ frame, size, scale, x, y }) {
  const density = fit(frame, size) * scale;
  const span = (/** @type {number} */ side, /** @type {number} */ offset, /** @type {number} */ length) => {
    const middle = length / 2 - offset / density;
    return [Math.max(0, middle - side / density / 2), Math.min(length, middle + side / density / 2)];
  };
  const [[left, right], [top, bottom]] = [span(frame.width, x, size.width), span(frame.height, y, size.height)];
  return { box: [left, top, right, bottom], density };
}

/**
 * Whether a box holds all of another one.
 *
 * @param {Box} outer
 * @param {Box} inner
 */
export const covers = (outer, inner) => outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3];
