const STEP = 1.4;
const LARGEST = 8;
const CLOSE = 2.5; // times, after a double click
const MOVE = 0.15; // of the frame's width, for one key press

/** A look closer at the image: by keys, wheel, drag and pinch. The frame's `data-zoom` says how close. */
export class Zoom {
  /**
   * @param {HTMLElement} frame what is seen; gets the pointer's events
   * @param {HTMLElement} picture what is moved and enlarged within it
   */
  constructor(frame, picture) {
    Object.assign(this, { frame, picture, scale: 1, x: 0, y: 0, pointers: new Map() });
    frame.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    frame.addEventListener('pointerdown', (event) => this.down(event));
    frame.addEventListener('pointermove', (event) => this.move(event));
    for (const end of ['pointerup', 'pointercancel']) {
      frame.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    frame.addEventListener('dblclick', (event) => (this.scale > 1 ? this.reset() : this.by(CLOSE, this.place(event))));
  }

  /** A pointer's place from the frame's middle, in pixels. */
  place({ clientX, clientY }) {
    const { left, top, width, height } = this.frame.getBoundingClientRect();
    return [clientX - left - width / 2, clientY - top - height / 2];
  }

  /** One step in (1) or out (-1), or back to the whole image (0). */
  step(direction) {
    if (direction === 0) this.reset();
    else this.by(STEP ** direction);
  }

  /** Enlarge; what is at `place` stays there. */
  by(factor, [px, py] = [0, 0]) {
    const scale = Math.min(LARGEST, Math.max(1, this.scale * factor));
    const grown = scale / this.scale;
    this.set(scale, px - (px - this.x) * grown, py - (py - this.y) * grown);
  }

  /** Move the image by a key: [1, 0] to the right. */
  pan([dx, dy]) {
    const width = this.frame.clientWidth * MOVE;
    this.set(this.scale, this.x + dx * width, this.y + dy * width);
  }

  reset() {
    if (this.scale > 1) this.set(1, 0, 0);
  }

  /** Never leave more of the frame empty than the whole image would. */
  set(scale, x, y) {
    const { clientWidth: width, clientHeight: height } = this.frame;
    const within = (value, side) => Math.max(-1, Math.min(1, value / (side * (scale - 1) / 2 || 1))) * side * (scale - 1) / 2;
    Object.assign(this, { scale, x: within(x, width), y: within(y, height) });
    this.picture.style.transform = scale > 1 ? `translate(${this.x}px, ${this.y}px) scale(${scale})` : '';
    if (scale > 1) this.frame.dataset.zoom = scale.toFixed(1);
    else delete this.frame.dataset.zoom;
  }

  wheel(event) {
    event.preventDefault();
    this.by(STEP ** (-Math.sign(event.deltaY) * Math.min(1, Math.abs(event.deltaY) / 100)), this.place(event));
  }

  down(event) {
    this.pointers.set(event.pointerId, this.place(event));
    this.frame.setPointerCapture(event.pointerId);
  }

  move(event) {
    const from = this.pointers.get(event.pointerId);
    if (!from) return;
    const to = this.place(event);
    this.pointers.set(event.pointerId, to);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return this.scale > 1 && this.set(this.scale, this.x + to[0] - from[0], this.y + to[1] - from[1]);
    const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
    return this.by(distance(to) / distance(from), other); // the finger that rests holds its place
  }
}
