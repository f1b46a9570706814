import { byId } from '../lib/dom.js';
/** @import { ImageDetail } from '../types' */

/** The image that is reviewed: its head at full detail if the face is small, or all of it; a click changes between them. */
export class ReviewPicture {
  constructor() {
    this.node = byId('picture', HTMLImageElement);
    this.whole = false;
    /** @type {?ImageDetail} */
    this.image = null;
    this.node.addEventListener('click', () => this.toggle());
  }

  /** @param {ImageDetail} image */
  show(image) {
    if (image.id !== this.image?.id) this.node.removeAttribute('src'); // until the new one has come, nothing is shown rather than another one
    this.image = image;
    const { head_url: head, image_url: all, name } = image;
    const address = this.whole ? all : head ?? all;
    if (this.node.getAttribute('src') !== address) this.node.src = address;
    this.node.alt = name;
    this.node.title = head ? `Click or press / for ${this.whole ? 'the head' : 'the whole image'}` : '';
    this.node.classList.toggle('has-head', head !== null);
  }

  /** / */
  toggle() {
    this.whole = !this.whole;
    if (this.image) this.show(this.image);
  }
}
