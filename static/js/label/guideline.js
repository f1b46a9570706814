import { element, find } from '../lib/dom.js';
/** @import { Attribute, Value } from '../types' */

/** The guideline of one attribute: its text, and images that show what its values mean. */
export class GuidelineDialog {
  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.root = find(dialog, '.guideline');
    find(dialog, '[data-close]').addEventListener('click', () => dialog.close());
  }

  /**
   * Show the guideline of an attribute, or close it.
   *
   * @param {Attribute} [attribute]
   * @param {boolean} [close] whether the guideline of any attribute is closed
   */
  toggle(attribute, close = false) {
    if (this.dialog.open && (close || this.dialog.dataset.of === attribute?.name)) this.dialog.close();
    else if (attribute) this.show(attribute);
  }

  /** @param {Attribute} attribute */
  show(attribute) {
    const { title, guideline, examples, values, name } = attribute;
    find(this.dialog, 'h2').textContent = title;
    this.dialog.dataset.of = name;
    const paragraphs = guideline.split(/\n\s*\n/).filter(Boolean).map((text) => element('p', {}, text));
    const missing = element('p', { class: 'muted' }, 'No guideline yet. An admin can add one on the Schema page.');
    const ofValue = (/** @type {Value} */ { code, name: value }) => {
      const shown = examples.filter((example) => example.code === code && example.image_url);
      const images = shown.map((example) => element('img', { src: example.image_url, alt: `${value}: ${example.image_name}` }));
      return element('li', {}, element('h3', {}, element('kbd', {}, String(code)), ` ${value}`), ...images);
    };
    const list = attribute.kind === 'open' ? [] : [element('ul', { class: 'examples' }, ...values.map(ofValue))];
    this.root.replaceChildren(...(guideline || examples.length > 0 ? paragraphs : [missing]), ...list);
    if (!this.dialog.open) this.dialog.showModal();
  }
}
