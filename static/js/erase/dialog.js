/** Deleting for good: the dialog names what goes, and waits until the files are gone. */
import { call } from '../lib/api.js';
import { byId, element, findAll, messageOf } from '../lib/dom.js';
import { pause, postOnce } from '../lib/retry.js';
import { ownUrl } from '../lib/urls.js';
/** @import { Erasure, ErasurePreview } from '../types' */

const WAIT = 500; // milliseconds between two looks at an erasure

/**
 * The dialog of the page. Its button says in data attributes what is deleted: `images` (a number) or `person` (a code), the
 * `title` of the dialog, and the address that comes `next`.
 */
class EraseDialog {
  /** @param {HTMLElement} button */
  constructor(button) {
    this.button = button;
    this.dialog = byId('erase', HTMLDialogElement);
    /** @type {Erasure|null} */
    this.erased = null;
    button.addEventListener('click', () => this.open());
    byId('erase-yes').addEventListener('click', () => this.erase());
    byId('erase-no').addEventListener('click', () => this.dialog.close());
    byId('erase-copies').addEventListener('change', () => this.preview());
    for (const choice of findAll(byId('erase-what'), 'input')) choice.addEventListener('change', () => this.preview());
    this.dialog.addEventListener('close', () => { if (this.erased) location.replace(this.button.dataset.next ?? ownUrl('/')); });
  }

  async open() {
    byId('erase-title').textContent = this.button.dataset.title ?? '';
    byId('erase-what').hidden = this.button.dataset.person === undefined;
    byId('erase-copies', HTMLInputElement).checked = false;
    this.dialog.showModal();
    byId('erase-no').focus();
    await this.preview();
  }

  get body() {
    const copies = byId('erase-copies', HTMLInputElement).checked;
    const { images, person } = this.button.dataset;
    if (person === undefined) return { what: 'images', images: [Number(images)], copies };
    const chosen = byId('erase-what').querySelector('input:checked');
    return { what: chosen?.getAttribute('value') ?? 'person', person: Number(person), copies };
  }

  async preview() {
    const yes = byId('erase-yes', HTMLButtonElement);
    yes.disabled = true;
    try {
      /** @type {ErasurePreview} */
      const found = await call('POST', 'erasures/preview', this.body);
      byId('erase-texts').replaceChildren(...found.texts.map((text) => element('li', {}, text)));
      byId('erase-copies-line').hidden = !found.copies.some(({ kind }) => kind !== 'upload' && kind !== 'backup');
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

new EraseDialog(byId('erase-open'));
