/** How the values are spread over the splits, with the current seed and with a better one; and the change to that. */
import { call } from '../lib/api.js';
import { byId, count, element } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';

/** @import { Attribute, HeldImages, SplitPlan, SplitRow } from '../types' */

const SPLITS = ['train', 'val', 'test'];

/** The card "Balance the splits" of the groups page. */
export class SplitsCard {
  /** @param {(text: string) => Promise<void>} changed called with what was done, after it was done */
  constructor(changed) {
    this.changed = changed;
    /** @type {?SplitPlan} */
    this.plan = null;
    this.anyway = byId('anyway', HTMLInputElement);
    this.button = byId('balance', HTMLButtonElement);
    this.anyway.addEventListener('change', () => this.arm());
    byId('splits-close').addEventListener('click', () => this.close());
  }

  close() {
    byId('splits').hidden = true;
  }

  async open() {
    /** @type {[SplitPlan, {attributes: Attribute[]}]} */
    const [plan, { attributes }] = await Promise.all([call('GET', 'splits'), call('GET', 'schema')]);
    const titles = new Map(attributes.map(({ name, title }) => [name, title]));
    this.plan = plan;
    const { better } = this;
    byId('splits').hidden = false;
    byId('splits-about').textContent = better
      ? `The split with seed ${plan.seed} is closer to the target proportions than the current split with seed ${plan.seed_now}: distance ${plan.distance.toFixed(2)} instead of ${plan.distance_now.toFixed(2)} (a random split has 1). ${count(plan.moved, 'image')} would move to another split.`
      : `No tested split is better than the current split with seed ${plan.seed}.`;
    byId('splits-warnings').replaceChildren(...plan.warnings.map((text) => element('li', {}, text)));
    byId('splits-table').replaceChildren(this.head(), element('tbody', {}, ...plan.values.map((row) => this.row(row, titles))));
    byId('anyway-line').hidden = !better || plan.models === 0;
    this.anyway.checked = false;
    this.button.hidden = !better;
    this.arm();
    byId('splits-close').focus();
  }

  /** Whether the plan has another seed than the current one. */
  get better() {
    return this.plan !== null && this.plan.seed !== this.plan.seed_now;
  }

  /** Enable the button where the change is possible and, with trained models, confirmed. */
  arm() {
    const models = this.plan?.models ?? 0;
    this.button.disabled = !this.better || (models > 0 && !this.anyway.checked);
  }

  head() {
    const top = [element('th', { scope: 'col', rowspan: '2' }, 'Value'), element('th', { scope: 'colgroup', colspan: '3' }, 'Current split: images (groups)')];
    if (this.better) top.push(element('th', { scope: 'colgroup', colspan: '3', class: 'then' }, 'Better split: images (groups)'));
    const names = (/** @type {string} */ first) => SPLITS.map((split, place) => element('th', { scope: 'col', class: `number${place === 0 ? first : ''}` }, split));
    return element('thead', {}, element('tr', {}, ...top), element('tr', {}, ...names(''), ...(this.better ? names(' then') : [])));
  }

  /**
   * @param {SplitRow} row
   * @param {Map<string, string>} titles
   */
  row({ attribute, value, now, then }, titles) {
    const text = (/** @type {HeldImages} */ { images, groups }) => `${images.toLocaleString('en')} (${groups.toLocaleString('en')})`;
    const cells = (/** @type {Record<string, HeldImages>} */ held, /** @type {string} */ first) => SPLITS.map((split, place) => element('td', { class: `number${place === 0 ? first : ''}` }, text(held[split])));
    const name = attribute ? [element('span', { class: 'muted' }, titles.get(attribute) ?? attribute), ` ${value}`] : [value];
    return element('tr', {}, element('th', { scope: 'row' }, ...name), ...cells(now, ''),
      ...(this.better ? cells(then, ' then') : []));
  }

  /** Use the better split. */
  async balance() {
    if (this.plan === null) return;
    this.button.disabled = true;
    const { seed, seed_now: insteadOf } = this.plan;
    try {
      const { answer } = await postOnce('splits', { seed, instead_of: insteadOf, even_so: this.anyway.checked });
      this.close();
      await this.changed(`The split now uses seed ${answer.seed}: ${count(answer.moved, 'image')} moved.`);
    } finally {
      this.arm();
    }
  }
}
