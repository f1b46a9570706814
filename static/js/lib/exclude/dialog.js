/** The dialog that asks why an image is excluded, on all pages that exclude. */
import { find, findAll } from '../dom.js';

/** @typedef {{reason: string, note: string}} Reasoned why an image is excluded, as the API takes it */

/** Asks why an image shall not count: a digit chooses a reason, Enter excludes. */
export class ExcludeDialog {
  /** @param {HTMLDialogElement} dialog that of templates/_exclude.html */
  constructor(dialog) {
    this.dialog = dialog;
    this.form = find(dialog, 'form', HTMLFormElement);
    find(dialog, '[data-close]').addEventListener('click', () => dialog.close(''));
    dialog.addEventListener('keydown', (event) => this.press(event));
  }

  /**
   * @param {string} name of the image
   * @returns {Promise<?Reasoned>} null if the labeller cancelled
   */
  ask(name) {
    find(this.dialog, 'h2').textContent = `Exclude ${name}`;
    this.form.reset();
    this.dialog.returnValue = '';
    this.dialog.showModal();
    find(this.dialog, '[name=reason]').focus();
    return new Promise((resolve) => {
      const close = () => resolve(this.dialog.returnValue === 'yes' ? this.answer() : null);
      this.dialog.addEventListener('close', close, { once: true });
    });
  }

  /** @returns {Reasoned} */
  answer() {
    const values = new FormData(this.form);
    return { reason: String(values.get('reason')), note: String(values.get('note')).trim() };
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const inNote = event.target instanceof HTMLInputElement && event.target.type === 'text';
    const reason = /^[1-9]$/.test(event.key) && !inNote ? findAll(this.dialog, '[name=reason]')[Number(event.key) - 1] : null;
    if (!(reason instanceof HTMLInputElement)) return;
    event.preventDefault();
    reason.checked = true;
    reason.focus();
  }
}
