const LEAST = 56; // pixels that a finger moves until it is a swipe
const STEEPEST = 0.7; // of the way across: a steeper movement is no swipe

/**
 * One finger across the photo: to the left goes on, to the right goes back. The photo follows the finger until it is lifted.
 *
 * The photo must be as it began: an image that was enlarged by two fingers is moved by one (zoom.js).
 */
export class Swipe {
  /**
   * @param {HTMLElement} frame gets the pointer's events
   * @param {{resting: boolean}} zoom whether the image is seen as it began
   * @param {(direction: 'next'|'back', event: PointerEvent) => void} onswipe
   */
  constructor(frame, zoom, onswipe) {
    this.frame = frame;
    this.zoom = zoom;
    this.onswipe = onswipe;
    /** @type {?{id: number, x: number, y: number}} where the only finger came down */
    this.from = null;
    frame.addEventListener('pointerdown', (event) => this.down(event));
    frame.addEventListener('pointermove', (event) => this.move(event));
    frame.addEventListener('pointerup', (event) => this.up(event));
    frame.addEventListener('pointercancel', () => this.drop());
  }

  /** @param {PointerEvent} event */
  down({ pointerType, isPrimary, pointerId: id, clientX: x, clientY: y }) {
    if (this.from || !isPrimary) return this.drop(); // a second finger: it zooms
    if (pointerType === 'touch' && this.zoom.resting) this.from = { id, x, y };
  }

  /** @param {PointerEvent} event */
  move(event) {
    const way = this.way(event);
    if (way !== 0) this.frame.style.setProperty('--swipe', `${way}px`);
  }

  /** @param {PointerEvent} event */
  up(event) {
    const way = this.way(event);
    this.drop();
    if (Math.abs(way) >= LEAST) this.onswipe(way < 0 ? 'next' : 'back', event);
  }

  /**
   * How far the finger has gone across; 0 for one that goes up or down, or that is not the only one.
   *
   * @param {PointerEvent} event
   */
  way({ pointerId, clientX, clientY }) {
    if (this.from?.id !== pointerId) return 0;
    const [x, y] = [clientX - this.from.x, clientY - this.from.y];
    return Math.abs(y) > Math.abs(x) * STEEPEST ? 0 : x;
  }

  drop() {
    this.from = null;
    this.frame.style.removeProperty('--swipe');
  }
}
