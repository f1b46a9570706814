import { element, find } from '../lib/dom.js';
import { withoutAnswer } from './previous_image.js';
/** @import { HistoryEntry } from './session_history.js' */

/** The images of this session, newest first: arrows choose one, Enter brings it back. */
export class SessionDialog {
  /**
   * @param {HTMLDialogElement} dialog
   * @param {(entry: HistoryEntry) => string[][]} words [title, value] of what was answered
   * @param {(entry: HistoryEntry) => void} onchoose
   */
  constructor(dialog, words, onchoose) {
    this.dialog = dialog;
    this.words = words;
    this.onchoose = onchoose;
    this.list = find(dialog, 'ol');
    this.list.addEventListener('keydown', (event) => this.key(event));
    find(dialog, '[data-close]').addEventListener('click', () => dialog.close());
  }

  /** @param {HistoryEntry[]} entries */
  toggle(entries) {
    if (this.dialog.open) this.dialog.close();
    else this.show(entries);
  }

  /** @param {HistoryEntry[]} entries */
  show(entries) {
    this.list.replaceChildren(...entries.toReversed().map((entry) => this.item(entry)));
    find(this.dialog, '.none').hidden = entries.length > 0;
    this.dialog.showModal();
    this.list.querySelector('button')?.focus();
  }

  /** @param {HistoryEntry} entry */
  item(entry) {
    const answers = entry.skip ? withoutAnswer(entry) : this.words(entry).map((pair) => pair[1]).join(' · ');
    const choose = () => {
      this.dialog.close();
      this.onchoose(entry);
    };
    return element('li', {}, element('button', { type: 'button', 'data-image-id': entry.task.image_id, onclick: choose },
      element('img', { src: entry.task.image_url, alt: '', loading: 'lazy' }),
      element('span', {}, element('b', {}, entry.task.image_name), element('span', { class: 'muted' }, answers))));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const columns = getComputedStyle(this.list).gridTemplateColumns.split(' ').length;
    const moves = new Map([['ArrowLeft', -1], ['ArrowRight', 1], ['ArrowUp', -columns], ['ArrowDown', columns],
      ['Home', -Infinity], ['End', Infinity]]);
    const by = moves.get(event.key);
    if (by === undefined) return;
    event.preventDefault();
    const buttons = [...this.list.querySelectorAll('button')];
    const to = buttons.findIndex((button) => button === document.activeElement) + by;
    buttons[Math.min(buttons.length - 1, Math.max(0, to))]?.focus();
  }
}
