import { cropToFace } from './face_crop.js';
import { element } from './dom.js';
import { NOT, OUT } from './face_marks.js';
/** @import { Face, Suggestion, SweepImage, CachedImage } from '../types' */
/** @import { CachedPicture, ImageCache } from './image_cache.js' */
/** @import { FaceMarks, Mark } from './face_marks.js' */

/** @typedef {CachedImage & Partial<Pick<Face, 'box'|'turn'> & Pick<SweepImage, 'suggestion'>> & {lost?: boolean}} GridImage `lost`: taken by somebody else */

/**
 * How probable the page's answer is; without one, how probable the suggested value is.
 *
 * @param {Suggestion|null|undefined} suggestion
 * @param {Mark} [answer]
 * @returns {?number}
 */
function probabilityOf(suggestion, answer) {
  if (!suggestion) return null;
  if (typeof answer !== 'number' || suggestion.code === answer) return suggestion.probability;
  return suggestion.others.find(([code]) => code === answer)?.[1] ?? null;
}

/** One face: a toggle button with the model's probability and its mark. */
class FaceButton {
  /**
   * @param {GridImage} image
   * @param {(event: MouseEvent) => void} onclick
   */
  constructor(image, onclick) {
    this.image = image;
    this.photo = element('span', { class: 'photo' });
    this.note = element('span', { class: 'note', 'aria-hidden': 'true' });
    this.mark = element('span', { class: 'mark', 'aria-hidden': 'true' });
    this.node = element('button', { type: 'button', class: 'face', title: image.image_name, 'data-image-id': image.image_id,
      onclick },
    this.photo, this.note, this.mark);
  }

  /** @param {{answer: Mark|undefined, mark: Mark|undefined, marked: boolean, text: string, selected: boolean, picture: CachedPicture}} state */
  render({ answer, mark, marked, text, selected, picture }) {
    const { image_name: name, suggestion, lost } = this.image;
    const probability = probabilityOf(suggestion, answer);
    const percent = probability === null ? '' : `${Math.min(99, Math.round(probability * 100))}\u00a0%`;
    if (picture.ready && this.photo.firstChild !== picture.node) {
      this.photo.replaceChildren(picture.node);
      cropToFace(picture.node, this.image);
    }
    this.photo.dataset.note = picture.ready ? '' : picture.failed ? 'cannot be shown' : '…';
    this.note.textContent = percent;
    this.mark.textContent = lost ? 'taken by another labeller' : marked ? text : '';
    this.node.dataset.mark = lost ? 'lost' : mark === OUT || (marked && mark === NOT) ? 'out' : marked ? 'given' : '';
    this.node.classList.toggle('selected', selected);
    this.node.setAttribute('aria-pressed', String(marked));
    this.node.setAttribute('aria-label', [name, percent, this.mark.textContent].filter(Boolean).join(', '));
  }
}

/** The grid of faces; one of them has the focus (roving tabindex), a range of them may be selected. */
export class FaceGrid {
  /**
   * @param {HTMLElement} root
   * @param {ImageCache} pictures
   * @param {(ids: number[]) => void} ontoggle a face was clicked, or a range with Shift
   */
  constructor(root, pictures, ontoggle) {
    this.root = root;
    this.pictures = pictures;
    this.ontoggle = ontoggle;
    /** @type {FaceButton[]} */
    this.faces = [];
    this.at = 0;
    this.anchor = 0;
    root.addEventListener('mousedown', (event) => event.preventDefault()); // the focus moves by `focus` alone
  }

  /** The ids of the focused image, or of the range from where Shift was pressed. */
  get selection() {
    const range = this.faces.slice(Math.min(this.at, this.anchor), Math.max(this.at, this.anchor) + 1);
    return range.filter(({ image }) => !image.lost).map(({ image }) => image.image_id);
  }

  /**
   * Build a page and put the focus on its first face, unless it is in the bar or a dialog.
   *
   * @param {GridImage[]} images
   */
  show(images) {
    this.faces = images.map((image, place) => new FaceButton(image, (event) => this.click(place, event)));
    this.root.replaceChildren(...this.faces.map((face) => face.node));
    const elsewhere = document.activeElement?.closest('#bar, dialog');
    this.focus(0, { take: !elsewhere });
  }

  /**
   * @param {{answer?: Mark, searched?: number, marks: FaceMarks}} page `answer`: what unmarked images get; `searched`: the value
   *   that is searched for, whose probability is shown then
   * @param {(mark?: Mark) => string} words
   */
  render({ answer, searched, marks }, words) {
    const selected = new Set(this.at === this.anchor ? [] : this.selection);
    delete document.documentElement.dataset.noImages; // they have come since
    for (const face of this.faces) {
      const id = face.image.image_id;
      const mark = marks.of(id, answer);
      face.render({ answer: searched ?? answer, mark, marked: marks.given.has(id), text: words(mark), selected: selected.has(id), picture: this.pictures.of(face.image) });
    }
  }

  /**
   * @param {number} place
   * @param {{extend?: boolean, take?: boolean}} [options] `extend` the range; `take` the keyboard's focus too
   */
  focus(place, { extend = false, take = true } = {}) {
    this.at = place;
    if (!extend) this.anchor = place;
    this.faces.forEach(({ node }, number) => { node.tabIndex = number === place ? 0 : -1; });
    if (take) this.faces[place]?.node.focus({ preventScroll: true });
  }

  /**
   * Move the focus by columns or rows; with `extend` the range grows.
   *
   * @param {number} columns
   * @param {number} rows
   * @param {boolean} extend
   */
  move(columns, rows, extend) {
    const wide = getComputedStyle(this.root).gridTemplateColumns.split(' ').length;
    const last = this.faces.length - 1;
    const wanted = this.at + columns + rows * wide;
    if (rows !== 0 && (wanted < 0 || wanted > last)) return;
    this.focus(Math.max(0, Math.min(last, wanted)), { extend });
  }

  /** Let go of the range. */
  collapse() {
    this.anchor = this.at;
  }

  /**
   * @param {number} place
   * @param {MouseEvent} event
   */
  click(place, event) {
    this.focus(place, { extend: event.shiftKey });
    this.ontoggle(this.selection);
  }
}
