import { call } from '../lib/api.js';
import { element } from '../lib/dom.js';
import { imageUrl } from '../lib/urls.js';
/** @import { ImageDetail } from '../types' */

const WAIT = 120; // milliseconds that the pointer rests until the image is fetched

/** The image below the pointer, beside the map. */
export class Preview {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.timer = 0;
    /** @type {?number} */
    this.image = null;
  }

  /**
   * @param {?number} image its id
   * @param {number} [wait] milliseconds
   */
  show(image, wait = WAIT) {
    clearTimeout(this.timer);
    this.image = image;
    if (image === null) this.place.replaceChildren();
    else this.timer = window.setTimeout(() => this.fetch(image), wait);
  }

  /** @param {number} image */
  async fetch(image) {
    try {
      /** @type {ImageDetail} */
      const { id, name, head_url: head, image_url: whole } = await call('GET', `images/${image}`);
      if (image !== this.image) return;
      this.place.replaceChildren(element('a', { href: imageUrl(id), class: 'previewed' }, element('img', { src: head ?? whole, alt: '' }), element('span', {}, name)));
    } catch { // it was erased, or the server is away: the map is still of use
      if (image === this.image) this.place.replaceChildren();
    }
  }
}
