/** Deleting for good: the dialog names what goes, and waits until the files are gone. */
import { call } from './api.js';
import { byId, element, findAll, messageOf } from './dom.js';
import { pause, postOnce } from './retry.js';
/** @import { Erasure, ErasurePreview } from '../types' */

const WAIT = 500; // milliseconds between two looks at an erasure

/** What is to be deleted: images by number, or a person by code. @typedef {{images: number[]}|{person: number}} Wanted */

/** The dialog of the page. There is none for those who may not delete. */
export class EraseDialog {
  /** @param {(erasure: Erasure) => void} onclosed is called when something was deleted and the dialog is closed */
  constructor(onclosed) {
    this.dialog = byId('erase', HTMLDialogElement);
    this.onclosed = onclosed;
    /** @type {Wanted} */
    this.wanted = { images: [] };
    /** @type {Erasure|null} */
    this.erased = null;
    byId('erase-yes').addEventListener('click', () => this.erase());
    byId('erase-no').addEventListener('click', () => this.dialog.close());
    byId('erase-copies').addEventListener('change', () => this.preview());
    for (const choice of findAll(byId('erase-what'), 'input')) choice.addEventListener('change', () => this.preview());
    this.dialog.addEventListener('close', () => { if (this.erased) this.onclosed(this.erased); });
  }

  /**
   * @param {string} title
   * @param {Wanted} wanted
   */
  async open(title, wanted) {
    this.wanted = wanted;
    this.erased = null;
    byId('erase-title').textContent = title;
    byId('erase-what').hidden = !('person' in wanted);
    byId('erase-copies', HTMLInputElement).checked = false;
    this.dialog.showModal();
    byId('erase-no').focus();
    await this.preview();
  }

  get body() {
    const copies = byId('erase-copies', HTMLInputElement).checked;
    if (!('person' in this.wanted)) return { what: 'images', images: this.wanted.images, copies };
    const chosen = byId('erase-what').querySelector('input:checked');
    return { what: chosen?.getAttribute('value') ?? 'person', person: this.wanted.person, copies };
  }

  async preview() {
    const yes = byId('erase-yes', HTMLButtonElement);
    yes.disabled = true;
    try {
      /** @type {ErasurePreview} */
      const found = await call('POST', 'erasures/preview', this.body);
      byId('erase-texts').replaceChildren(...found.texts.map((text) => element('li', {}, text)));
      byId('erase-copies-line').hidden = !found.copies.some(({ kind }) => kind !== 'upload');
      byId('erase-error').textContent = '';
      yes.disabled = false;
    } catch (error) {
      byId('erase-error').textContent = messageOf(error);
    }
  }

  async erase() {
    const yes = byId('erase-yes', HTMLButtonElement);
    yes.disabled = true;
    try {
      this.erased = (await postOnce('erasures', this.body)).answer;
      yes.hidden = true;
      byId('erase-no').textContent = 'Close';
      byId('erase-warning').hidden = true;
      await this.follow();
    } catch (error) {
      byId('erase-error').textContent = messageOf(error);
      yes.disabled = this.erased !== null;
    }
  }

  /** Say how far the worker is. */
  async follow() {
    byId('erase-state').textContent = 'Deleted. The worker removes the files; you may close this.';
    while (this.dialog.open && this.erased && this.erased.state !== 'done') {
      await pause(WAIT);
      this.erased = await call('GET', `erasures/${this.erased.id}`);
    }
    if (this.erased?.state === 'done') byId('erase-state').textContent = `Deleted for good. The receipt is ${this.erased.receipt.file}.`;
  }
}
