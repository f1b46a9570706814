/** @import { Box } from '../types' */

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
   * @param {HTMLElement} picture what is moved and enlarged within it
   * @param {() => void} onmove
   */
  constructor(frame, picture, onmove) {
    this.frame = frame;
    this.picture = picture;
    this.onmove = onmove;
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
    addEventListener('resize', () => this.part && this.reset());
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
    const width = this.frame.clientWidth * MOVE;
    this.set(this.scale, this.x + dx * width, this.y + dy * width);
  }

  whole() {
    if (this.scale > 1) this.set(1, 0, 0);
  }

  /**
   * Begin with a part of an image, or with all of it.
   *
   * @param {?{width: number, height: number, box: ?Box}} image its size, and the part in shares of its sides
   */
  begin(image) {
    this.size = image ?? { width: 1, height: 1 };
    this.part = image?.box ?? null;
    this.reset();
  }

  /** Screen pixels of one pixel of the image while it is whole. */
  get fit() {
    return Math.min(this.frame.clientWidth / this.size.width, this.frame.clientHeight / this.size.height);
  }

  get largest() {
    return Math.max(LARGEST, LARGEST_PIXEL / this.fit);
  }

  /**
   * What is seen of the image, in its pixels, and how many screen pixels one of them takes.
   *
   * @returns {{box: Box, density: number}}
   */
  seen() {
    const { clientWidth, clientHeight } = this.frame;
    const { width, height } = this.size;
    const density = this.fit * this.scale;
    const span = (/** @type {number} */ side, /** @type {number} */ offset, /** @type {number} */ length) => {
      const middle = length / 2 - offset / density;
      return [Math.max(0, middle - side / density / 2), Math.min(length, middle + side / density / 2)];
    };
    const [[left, right], [top, bottom]] = [span(clientWidth, this.x, width), span(clientHeight, this.y, height)];
    return { box: [left, top, right, bottom], density };
  }

  /** Back to where the image began. */
  reset() {
    if (!this.part) return this.set(1, 0, 0);
    const { clientWidth, clientHeight } = this.frame;
    const [left, top, right, bottom] = this.part;
    const [wide, high] = [this.size.width * this.fit, this.size.height * this.fit];
    const scale = Math.min(this.largest, Math.max(1, Math.min(clientWidth / (wide * (right - left)), clientHeight / (high * (bottom - top)))));
    return this.set(scale, (0.5 - (left + right) / 2) * wide * scale, (0.5 - (top + bottom) / 2) * high * scale);
  }

  /**
   * Never leave more of the frame empty than the whole image would.
   *
   * @param {number} scale
   * @param {number} x
   * @param {number} y
   */
  set(scale, x, y) {
    const { clientWidth: width, clientHeight: height } = this.frame;
    const within = (/** @type {number} */ value, /** @type {number} */ side) => Math.max(-1, Math.min(1, value / (side * (scale - 1) / 2 || 1))) * side * (scale - 1) / 2;
    Object.assign(this, { scale, x: within(x, width), y: within(y, height) });
    this.picture.style.transform = scale > 1 ? `translate(${this.x}px, ${this.y}px) scale(${scale})` : '';
    this.picture.style.setProperty('--zoom', String(scale));
    if (scale > 1) this.frame.dataset.zoom = scale.toFixed(1);
    else delete this.frame.dataset.zoom;
    this.onmove();
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
    } else if (this.scale > 1) this.set(this.scale, this.x + to[0] - from[0], this.y + to[1] - from[1]);
  }
}
