/** A small dialog with one line of text: the reason of a skip, the note of a flag. */
export class NoteDialog {
  constructor(dialog) {
    this.dialog = dialog;
    this.input = dialog.querySelector('input');
    this.answered = Promise.resolve();
    dialog.querySelector('[data-close]').addEventListener('click', () => dialog.close(''));
  }

  /**
   * @param {{title: string, hint: string, action: string, required: boolean, longest: number}} question
   * @returns {Promise<?string>} the text, or null when the labeller thought better of it
   */
  ask(question) {
    // A dialog is closed a moment before it says so: whoever asks again in between must not take the answer away.
    this.answered = this.answered.then(() => this.show(question));
    return this.answered;
  }

  show({ title, hint, action, required, longest }) {
    this.dialog.querySelector('h2').textContent = title;
    this.dialog.querySelector('label span').textContent = hint;
    this.dialog.querySelector('[value=yes]').textContent = action;
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
