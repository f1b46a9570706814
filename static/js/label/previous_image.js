import { element } from '../lib/dom.js';

/** The image before this one and what was answered, so that a slip is noticed. Its place is always there. */
export class PreviousImage {
  constructor(root) {
    this.root = root;
  }

  /**
   * @param {?Object} entry the last of the history
   * @param {HTMLImageElement} thumbnail
   * @param {string[][]} words [title, value] of each answer
   */
  render(entry, thumbnail, words) {
    this.root.classList.toggle('filled', Boolean(entry));
    if (!entry) return this.root.replaceChildren();
    const answers = words.map(([title, value]) => element('span', {}, `${title} `, element('b', {}, value)));
    const text = element('p', {}, ...(entry.skip ? ['put aside'] : answers.flatMap((one, at) => (at ? [' · ', one] : [one]))));
    const key = element('span', { class: 'by-key' }, ' — ', element('kbd', {}, 'Backspace'), ' brings it back');
    const hint = element('p', { class: 'hint' }, 'Before: ', entry.task.image_name, key);
    this.root.replaceChildren(thumbnail, element('div', {}, hint, text));
  }
}
