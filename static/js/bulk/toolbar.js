import { count, element } from '../lib/dom.js';

/** What is swept: attribute, value, order, size of the page. */
export class Toolbar {
  /**
   * @param {HTMLElement} root
   * @param {Object[]} schema the attributes that can be swept
   * @param {{onwish: (change: Object) => void, onanswer: (code: number) => void}} listeners
   */
  constructor(root, schema, { onwish, onanswer }) {
    Object.assign(this, { root, onwish, onanswer });
    this.groups = root.querySelector('#groups');
    this.fields = { attribute: root.querySelector('#attribute'), order: root.querySelector('#order'), size: root.querySelector('#size') };
    this.fields.attribute.replaceChildren(...schema.map(({ name, title, key }) => element('option', { value: name }, key ? `${title} (${key.toUpperCase()})` : title)));
    for (const [name, field] of Object.entries(this.fields)) {
      field.addEventListener('change', () => {
        field.blur(); // the keys are the page's again
        onwish({ [name]: name === 'size' ? Number(field.value) : field.value });
      });
    }
  }

  /** @param {{code: number, cells: number}[]} groups empty where the model says nothing */
  render(wish, { name, title, values }, groups) {
    Object.assign(this.fields.attribute, { value: name });
    Object.assign(this.fields.order, { value: wish.order, disabled: groups.length === 0 });
    Object.assign(this.fields.size, { value: String(wish.size) });
    document.getElementById('faces').dataset.size = wish.size;
    const predicted = wish.value !== null;
    this.groups.setAttribute('aria-label', predicted ? `${title}: predicted values` : `${title}: the value for all faces`);
    const chips = values.map(({ code, name: word }) => this.chip(code, word, (wish.value ?? wish.answer) === code,
      predicted ? groups.find((group) => group.code === code)?.cells ?? 0 : null));
    const focused = document.activeElement?.closest('#groups .chip')?.dataset.code;
    this.groups.replaceChildren(element('span', { class: 'muted' }, predicted ? 'looks like' : 'all get'), ...chips);
    if (focused !== undefined) this.groups.querySelector(`[data-code="${focused}"]`)?.focus();
  }

  chip(code, word, chosen, cells) {
    const left = cells === null ? [] : [element('small', {}, cells.toLocaleString('en'))];
    const choose = () => (cells === null ? this.onanswer(code) : this.onwish({ value: code }));
    return element('button', { type: 'button', class: cells === 0 ? 'chip empty' : 'chip', 'data-code': code, 'aria-pressed': String(chosen),
      title: cells === null ? null : `${count(cells, 'face')} without an answer`, onclick: choose }, element('kbd', {}, String(code)), word, ...left);
  }
}
