import { byId, count, element, find, focused } from '../lib/dom.js';
/** @import { Attribute, SweepGroup } from '../types' */
/** @import { Wish } from './page_queue.js' */

/** The selection above the faces: attribute, value, order, size of the page. */
export class Toolbar {
  /**
   * @param {HTMLElement} root
   * @param {Attribute[]} schema the attributes that can be swept
   * @param {{onwish: (change: Partial<Wish>) => void, onanswer: (code: number) => void}} listeners
   */
  constructor(root, schema, { onwish, onanswer }) {
    this.onwish = onwish;
    this.onanswer = onanswer;
    this.groups = find(root, '#groups');
    this.inside = find(root, '#inside');
    this.predicted = false; // whether the model says anything about the attribute
    this.attribute = this.field(find(root, '#attribute', HTMLSelectElement), (attribute) => ({ attribute }));
    this.order = this.field(find(root, '#order', HTMLSelectElement), (order) => ({ order, ...(this.predicted || order === 'find' ? {} : { value: null }) }));
    this.size = this.field(find(root, '#size', HTMLSelectElement), (size) => ({ size: Number(size) }));
    this.attribute.replaceChildren(...schema.map(({ name, title, key }) => element('option', { value: name }, key ? `${title} (${key.toUpperCase()})` : title)));
  }

  /**
   * @param {HTMLSelectElement} field
   * @param {(value: string) => Partial<Wish>} change
   */
  field(field, change) {
    field.addEventListener('change', () => {
      field.blur(); // the keys are the page's again
      this.onwish(change(field.value));
    });
    return field;
  }

  /**
   * @param {Wish} wish
   * @param {Attribute} attribute
   * @param {SweepGroup[]} groups empty where the model says nothing
   */
  render(wish, { name, title, values }, groups) {
    this.attribute.value = name;
    this.predicted = groups.length > 0;
    this.order.value = wish.order;
    for (const option of this.order.options) option.disabled = option.value === 'find' ? Boolean(wish.inside) : !this.predicted && option.value !== 'doubtful';
    this.size.value = String(wish.size);
    this.inside.hidden = !wish.inside; // it leads to the sweep of all images
    byId('faces').dataset.size = String(wish.size);
    const searched = wish.order === 'find';
    const predicted = wish.value !== null;
    this.groups.setAttribute('aria-label', searched ? `${title}: the value to find` : predicted ? `${title}: predicted values` : `${title}: the value for all faces`);
    const chips = values.map(({ code, name: word }) => this.chip(code, word, (wish.value ?? wish.answer) === code,
      predicted && !searched ? groups.find((group) => group.code === code)?.cells ?? 0 : null, searched));
    const chip = focused()?.closest('#groups .chip');
    const code = chip instanceof HTMLElement ? chip.dataset.code : undefined;
    this.groups.replaceChildren(element('span', { class: 'muted' }, searched ? 'Find' : predicted ? 'Predicted' : 'Value for all'), ...chips);
    if (code !== undefined) chips.find(({ dataset }) => dataset.code === code)?.focus();
  }

  /**
   * @param {number} code
   * @param {string} word
   * @param {boolean} chosen
   * @param {?number} cells without an answer; null where the model says nothing, or does not matter
   * @param {boolean} searched whether a click chooses the value to find
   */
  chip(code, word, chosen, cells, searched) {
    const left = cells === null ? [] : [element('small', {}, cells.toLocaleString('en'))];
    // A value that the model never predicts has a page too: the faces to which it is most probable.
    const choose = () => (searched ? this.onwish({ value: code }) : cells === null ? this.onanswer(code) : this.onwish(cells === 0 ? { value: code, order: 'probable' } : { value: code }));
    return element('button', { type: 'button', class: cells === 0 ? 'chip empty' : 'chip', 'data-code': code, 'aria-pressed': String(chosen),
      title: cells === null ? null : cells === 0 ? 'Never predicted: sweep by its probability' : `${count(cells, 'face')} without an answer`, onclick: choose }, element('kbd', {}, String(code)), word, ...left);
  }
}
