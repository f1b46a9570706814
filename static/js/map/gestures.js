/** Mouse, touch and pen on the map: one finger moves it or draws a lasso, two fingers enlarge it. */
/** @import { Place } from './lasso.js' */
/** @import { Viewport } from './viewport.js' */

const STILL = 6; // pixels that a pointer may move and still be a click
const STEP = 3; // pixels between two corners of a lasso

/**
 * @typedef {Object} Listeners
 * @property {() => boolean} drawing whether one finger draws
 * @property {() => void} onmove the part on the screen has changed
 * @property {(places: Place[]) => void} onlasso while it is drawn
 * @property {(places: Place[]) => void} onlassoed
 * @property {(across: number, down: number) => void} onclick
 * @property {(across: number, down: number) => void} onhover
 */

export class Gestures {
  /**
   * @param {HTMLElement} stage
   * @param {Viewport} view
   * @param {Listeners} listeners
   */
  constructor(stage, view, listeners) {
    this.stage = stage;
    this.view = view;
    this.listeners = listeners;
    /** @type {Map<number, [across: number, down: number]>} */
    this.pointers = new Map();
    /** @type {?Place[]} */
    this.lasso = null;
    this.moved = 0;
    stage.addEventListener('pointerdown', (event) => this.down(event));
    stage.addEventListener('pointermove', (event) => this.move(event));
    for (const name of /** @type {const} */ (['pointerup', 'pointercancel'])) stage.addEventListener(name, (event) => this.up(event));
    // Nothing of what happens here is a gesture of the browser, which would take the next tap for the end of a scroll.
    stage.addEventListener('touchmove', (event) => event.cancelable && event.preventDefault(), { passive: false });
    stage.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
  }

  /**
   * @param {MouseEvent} event
   * @returns {[across: number, down: number]}
   */
  pointOf(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0) return;
    this.stage.setPointerCapture(event.pointerId);
    const point = this.pointOf(event);
    this.pointers.set(event.pointerId, point);
    this.moved = this.pointers.size > 1 ? STILL : 0;
    const draws = this.listeners.drawing() !== event.shiftKey; // Shift does the other thing
    this.lasso = this.pointers.size === 1 && draws ? [this.view.placeAt(...point)] : null;
    if (this.pointers.size > 1) this.listeners.onlasso([]);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const before = this.pointers.get(event.pointerId);
    const point = this.pointOf(event);
    if (!before) return this.listeners.onhover(...point);
    const step = Math.hypot(point[0] - before[0], point[1] - before[1]);
    if (this.lasso && step < STEP) return;
    this.moved += step;
    if (this.pointers.size > 1) this.pinch(event.pointerId, before, point);
    else if (this.lasso) this.lasso.push(this.view.placeAt(...point));
    else this.view.pan(point[0] - before[0], point[1] - before[1]);
    this.pointers.set(event.pointerId, point);
    if (this.lasso) this.listeners.onlasso(this.lasso);
    else this.listeners.onmove();
  }

  /**
   * @param {number} moving the pointer that moves
   * @param {[across: number, down: number]} before
   * @param {[across: number, down: number]} now
   */
  pinch(moving, before, now) {
    const other = [...this.pointers].find(([id]) => id !== moving)?.[1];
    if (!other) return;
    const apart = (/** @type {number[]} */ [across, down]) => Math.max(1, Math.hypot(across - other[0], down - other[1]));
    this.view.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    this.view.enlarge(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  /** @param {PointerEvent} event */
  up(event) {
    const point = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    const { lasso } = this;
    this.lasso = null;
    if (!point || event.type === 'pointercancel') {
      if (lasso) this.listeners.onlasso([]);
    } else if (this.moved < STILL) {
      if (lasso) this.listeners.onlasso([]);
      this.listeners.onclick(...point);
    } else if (lasso) this.listeners.onlassoed(lasso);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    this.view.enlarge(Math.exp(-event.deltaY * lines * 0.0015), ...this.pointOf(event));
    this.listeners.onmove();
  }
}
