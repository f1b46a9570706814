import { element } from '../lib/dom.js';

/** The images of this session, the newest first: arrows choose one, Enter brings it back. */
export class SessionDialog {
  /**
   * @param {HTMLDialogElement} dialog
   * @param {(entry: Object) => string[][]} words [title, value] of what was answered
   * @param {(entry: Object) => void} onchoose
   */
  constructor(dialog, words, onchoose) {
    Object.assign(this, { dialog, words, onchoose });
    this.list = dialog.querySelector('ol');
    this.list.addEventListener('keydown', (event) => this.key(event));
    dialog.querySelector('[data-close]').addEventListener('click', () => dialog.close());
  }

  show(entries) {
    this.list.replaceChildren(...entries.toReversed().map((entry) => this.item(entry)));
    this.dialog.querySelector('.none').hidden = entries.length > 0;
    this.dialog.showModal();
    this.list.querySelector('button')?.focus();
  }

  item(entry) {
    const answers = entry.skip ? ['put aside', entry.reason].filter(Boolean).join(': ') : this.words(entry).map((pair) => pair[1]).join(' · ');
    const choose = () => {
      this.dialog.close();
      this.onchoose(entry);
    };
    return element('li', {}, element('button', { type: 'button', 'data-image-id': entry.task.image_id, onclick: choose },
      element('img', { src: entry.task.image_url, alt: '', loading: 'lazy' }),
      element('span', {}, element('b', {}, entry.task.image_name), element('span', { class: 'muted' }, answers))));
  }

  key(event) {
    const columns = getComputedStyle(this.list).gridTemplateColumns.split(' ').length;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const buttons = [...this.list.querySelectorAll('button')];
    const to = buttons.indexOf(document.activeElement) + by;
    buttons[Math.min(buttons.length - 1, Math.max(0, to))]?.focus();
  }
}
