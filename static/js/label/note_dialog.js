import { find } from '../lib/dom.js';

/** @typedef {{title: string, hint: string, action: string, required?: boolean, longest: number}} Question `longest`: characters of the text */

/** A small dialog with one line of text: the reason of a skip, the note of a flag. */
export class NoteDialog {
  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.input = find(dialog, 'input', HTMLInputElement);
    /** @type {Promise<?string>} */
    this.answered = Promise.resolve(null);
    find(dialog, '[data-close]').addEventListener('click', () => dialog.close(''));
  }

  /**
   * @param {Question} question
   * @returns {Promise<?string>} the text, or null if the labeller cancelled
   */
  ask(question) {
    // A dialog closes a moment before its close event: a question asked in between must not take the answer.
    this.answered = this.answered.then(() => this.show(question));
    return this.answered;
  }

  /**
   * @param {Question} question
   * @returns {Promise<?string>}
   */
  show({ title, hint, action, required = false, longest }) {
    find(this.dialog, 'h2').textContent = title;
    find(this.dialog, 'label span').textContent = hint;
    find(this.dialog, '[value=yes]').textContent = action;
    Object.assign(this.input, { value: '', required, maxLength: longest });
    this.dialog.returnValue = '';
    this.dialog.showModal();
    this.input.focus();
    return new Promise((resolve) => {
      const close = () => resolve(this.dialog.returnValue === 'yes' ? this.input.value.trim() : null);
      this.dialog.addEventListener('close', close, { once: true });
    });
  }
}
