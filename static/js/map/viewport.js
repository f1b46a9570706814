const MOST = 40; // times that the map can be enlarged
const MARGIN = 0.95; // of the shorter side that the whole map fills

/** Which part of the map is on the screen. Places on the map go from 0 to 1, places on the screen are CSS pixels. */
export class Viewport {
  constructor() {
    this.width = 1;
    this.height = 1;
    this.zoom = 1;
    this.x = 0.5; // the place in the middle of the screen
    this.y = 0.5;
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
  }

  /** Pixels of the whole map's side. */
  get scale() {
    return Math.min(this.width, this.height) * MARGIN * this.zoom;
  }

  fit() {
    this.zoom = 1;
    this.x = 0.5;
    this.y = 0.5;
  }

  /**
   * @param {number} across pixels by which the picture moves
   * @param {number} down
   */
  pan(across, down) {
    this.x = Math.max(0, Math.min(1, this.x - across / this.scale));
    this.y = Math.max(0, Math.min(1, this.y - down / this.scale));
  }

  /**
   * Enlarge; what is below a point of the screen stays there.
   *
   * @param {number} times
   * @param {number} [across]
   * @param {number} [down]
   */
  enlarge(times, across = this.width / 2, down = this.height / 2) {
    const [x, y] = this.placeAt(across, down);
    this.zoom = Math.max(1, Math.min(MOST, this.zoom * times));
    if (this.zoom === 1) return this.fit();
    this.x = Math.max(0, Math.min(1, x - (across - this.width / 2) / this.scale));
    this.y = Math.max(0, Math.min(1, y - (down - this.height / 2) / this.scale));
  }

  /**
   * The place on the map below a point of the screen.
   *
   * @param {number} across
   * @param {number} down
   * @returns {[x: number, y: number]}
   */
  placeAt(across, down) {
    return [this.x + (across - this.width / 2) / this.scale, this.y + (down - this.height / 2) / this.scale];
  }

  /**
   * The point of the screen of a place on the map.
   *
   * @param {number} x
   * @param {number} y
   * @returns {[across: number, down: number]}
   */
  pointOf(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** The corners of the part on the screen. @returns {[x: number, y: number][]} */
  get corners() {
    return [this.placeAt(0, 0), this.placeAt(this.width, 0), this.placeAt(this.width, this.height), this.placeAt(0, this.height)];
  }
}
