import { closest, focused } from '../lib/dom.js';

const DRAG = 6; // pixels until a press becomes a rectangle
const LONG = 450; // milliseconds until a touch selects

/**
 * Which images of a grid are selected, by mouse, keys and touch.
 *
 * A click selects one image, Ctrl adds or removes one, Shift takes the range, a drag the rectangle. Arrow keys move the focus
 * (roving tabindex), with Shift they extend the range; Space adds or removes. A long touch selects, and from then on taps do.
 */
export class Selection {
  /**
   * @param {HTMLElement} grid
   * @param {{onchange: () => void, onopen: (tile: HTMLElement) => void}} listeners
   */
  constructor(grid, { onchange, onopen }) {
    this.grid = grid;
    this.onchange = onchange;
    this.onopen = onopen;
    /** @type {Set<number>} in the order of choosing; images that are not loaded may be among them */
    this.ids = new Set();
    /** @type {HTMLElement[]} */
    this.tiles = [];
    this.at = 0;
    this.anchor = 0;
    this.base = new Set(this.ids); // what was selected before the range
    this.touching = false; // a long touch has just selected
    this.pointer = 'mouse';
    grid.addEventListener('click', (event) => this.click(event));
    grid.addEventListener('dblclick', (event) => this.open(event));
    grid.addEventListener('keydown', (event) => this.press(event));
    grid.addEventListener('pointerdown', (event) => {
      this.pointer = event.pointerType;
      if (event.pointerType === 'mouse') this.drag(event);
      else this.touch(event);
    });
    grid.addEventListener('contextmenu', (event) => this.touching && event.preventDefault());
  }

  get size() {
    return this.ids.size;
  }

  /** The images in the order of the grid, then those that are not loaded. */
  get images() {
    const shown = this.tiles.map(idOf).filter((id) => this.ids.has(id));
    return [...new Set([...shown, ...this.ids])];
  }

  /**
   * The grid has other tiles, or more of them.
   *
   * @param {HTMLElement[]} tiles
   */
  show(tiles) {
    this.tiles = tiles;
    this.at = Math.min(this.at, Math.max(0, tiles.length - 1));
    this.anchor = Math.min(this.anchor, this.at);
    tiles.forEach((tile, place) => { tile.tabIndex = place === this.at ? 0 : -1; });
    this.render();
  }

  /** @param {Iterable<number>} ids */
  choose(ids) {
    this.ids = new Set(ids);
    this.base = new Set(this.ids);
    this.render();
  }

  render() {
    for (const tile of this.tiles) {
      const selected = String(this.ids.has(idOf(tile)));
      if (tile.getAttribute('aria-selected') !== selected) tile.setAttribute('aria-selected', selected);
    }
    this.onchange();
  }

  // ---- one image and ranges

  /** @param {number} place */
  toggle(place) {
    const id = idOf(this.tiles[place]);
    if (!this.ids.delete(id)) this.ids.add(id);
    this.base = new Set(this.ids);
    this.anchor = place;
    this.render();
  }

  /** @param {number} place of the end of the range from the anchor */
  range(place) {
    const [first, last] = [Math.min(place, this.anchor), Math.max(place, this.anchor)];
    this.ids = new Set([...this.base, ...this.tiles.slice(first, last + 1).map(idOf)]);
    this.render();
  }

  /** @param {number} place */
  only(place) {
    this.anchor = place;
    this.base = new Set();
    this.ids = new Set([idOf(this.tiles[place])]);
    this.render();
  }

  // ---- mouse

  /** @param {MouseEvent} event */
  click(event) {
    const place = this.placeOf(event);
    if (place < 0 || closest(event, 'a')) return;
    this.focus(place);
    if (this.pointer !== 'mouse') {
      if (this.touching) this.touching = false; // the end of the long touch, which has selected
      else if (this.size > 0) this.toggle(place);
      else this.onopen(this.tiles[place]);
    } else if (event.shiftKey) this.range(place);
    else if (event.ctrlKey || event.metaKey) this.toggle(place);
    else this.only(place);
  }

  /** @param {MouseEvent} event */
  open(event) {
    const place = this.placeOf(event);
    if (place >= 0 && this.pointer === 'mouse' && !closest(event, 'a')) this.onopen(this.tiles[place]);
  }

  /**
   * A rectangle that is drawn with the mouse selects what it touches; with Ctrl or Shift it adds.
   *
   * @param {PointerEvent} start
   */
  drag(start) {
    if (start.button !== 0 || closest(start, 'a')) return;
    const kept = start.ctrlKey || start.metaKey || start.shiftKey ? new Set(this.ids) : new Set();
    const [left, top] = [start.pageX, start.pageY];
    /** @type {?HTMLElement} */
    let frame = null;
    const move = (/** @type {PointerEvent} */ event) => {
      const [width, height] = [Math.abs(event.pageX - left), Math.abs(event.pageY - top)];
      if (frame === null && Math.max(width, height) < DRAG) return;
      event.preventDefault();
      if (frame === null) {
        frame = document.createElement('div');
        frame.className = 'frame';
        document.body.append(frame);
      }
      const box = { left: Math.min(left, event.pageX), top: Math.min(top, event.pageY), width, height };
      Object.assign(frame.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${width}px`, height: `${height}px` });
      const inside = this.tiles.filter((tile) => touches(tile, box)).map(idOf);
      this.ids = new Set([...kept, ...inside]);
      this.base = new Set(this.ids);
      this.render();
    };
    const end = () => {
      removeEventListener('pointermove', move);
      if (frame === null) return;
      frame.remove();
      // The click at the end of a drag, which follows at once, is no choice of one image.
      const swallow = (/** @type {Event} */ event) => event.stopPropagation();
      addEventListener('click', swallow, true);
      setTimeout(() => removeEventListener('click', swallow, true));
    };
    addEventListener('pointermove', move);
    addEventListener('pointerup', end, { once: true });
  }

  // ---- touch

  /** @param {PointerEvent} start */
  touch(start) {
    const place = this.placeOf(start);
    this.touching = false;
    if (place < 0) return;
    const timer = setTimeout(() => {
      this.touching = true;
      if (!this.ids.has(idOf(this.tiles[place]))) this.toggle(place);
    }, LONG);
    const stop = () => clearTimeout(timer);
    for (const name of ['pointerup', 'pointercancel', 'pointerleave']) addEventListener(name, stop, { once: true });
  }

  // ---- keys

  /** @param {KeyboardEvent} event */
  press(event) {
    const place = this.placeOf(event);
    if (place < 0 || event.altKey) return;
    const wide = this.columns;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide, PageUp: -3 * wide, PageDown: 3 * wide, Home: -place, End: this.tiles.length };
    if (event.key in steps && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.move(steps[/** @type {keyof typeof steps} */ (event.key)], event.shiftKey);
    } else if (event.key === ' ') {
      event.preventDefault();
      if (event.shiftKey) this.range(place);
      else this.toggle(place);
    } else if (event.key === 'Enter' && !closest(event, 'a')) {
      event.preventDefault();
      this.onopen(this.tiles[place]);
    }
  }

  /**
   * @param {number} by
   * @param {boolean} extend
   */
  move(by, extend) {
    const last = this.tiles.length - 1;
    const wanted = this.at + by;
    if (Math.abs(by) > 1 && Math.abs(by) === this.columns && (wanted < 0 || wanted > last)) return;
    this.focus(Math.max(0, Math.min(last, wanted)));
    if (extend) this.range(this.at);
    else {
      this.anchor = this.at;
      this.base = new Set(this.ids);
    }
  }

  /** @param {number} place */
  focus(place) {
    this.tiles[this.at]?.setAttribute('tabindex', '-1');
    this.at = place;
    this.tiles[place].tabIndex = 0;
    if (focused() !== this.tiles[place]) this.tiles[place].focus({ preventScroll: false });
  }

  get columns() {
    const first = this.tiles[0]?.offsetTop;
    const next = this.tiles.findIndex((tile) => tile.offsetTop !== first);
    return next < 0 ? this.tiles.length : next;
  }

  /** @param {Event} event */
  placeOf(event) {
    const tile = closest(event, '[data-image]');
    return tile ? this.tiles.indexOf(tile) : -1;
  }
}

/** @param {HTMLElement} tile */
export const idOf = (tile) => Number(tile.dataset.image);

/**
 * @param {HTMLElement} tile
 * @param {{left: number, top: number, width: number, height: number}} box in the page
 */
function touches(tile, { left, top, width, height }) {
  const place = tile.getBoundingClientRect();
  const [x, y] = [place.left + scrollX, place.top + scrollY];
  return x < left + width && x + place.width > left && y < top + height && y + place.height > top;
}
