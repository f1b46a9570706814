let stopped = false;

/** Keep nothing any more on this page: its account has logged out. */
export function stopKeeping() {
  stopped = true;
}

/** JSON values in localStorage or sessionStorage, under the project's own prefix. */
export class ProjectStorage {
  /**
   * @param {Storage} area
   * @param {string} project keeps projects apart that are served from the same address one after the other
   */
  constructor(area, project) {
    this.area = area;
    this.prefix = `facelabel:${project}:`;
  }

  /**
   * @param {string} name
   * @returns {any} null if nothing is kept under this name
   */
  get(name) {
    const text = this.area.getItem(this.prefix + name);
    return text === null ? null : JSON.parse(text);
  }

  /**
   * @param {string} name
   * @param {unknown} value
   * @throws {DOMException} QuotaExceededError when the browser gives no more room
   */
  set(name, value) {
    if (!stopped) this.area.setItem(this.prefix + name, JSON.stringify(value));
  }

  /** @param {string} name */
  remove(name) {
    this.area.removeItem(this.prefix + name);
  }

  /**
   * The names that begin with `start`, sorted.
   *
   * @param {string} start
   */
  names(start) {
    return Object.keys(this.area)
      .filter((name) => name.startsWith(this.prefix + start))
      .map((name) => name.slice(this.prefix.length))
      .sort();
  }
}
