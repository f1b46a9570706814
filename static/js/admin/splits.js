/** How the values are spread over the splits, with the seed in force and with a better one; and putting that in force. */
import { call } from '../lib/api.js';
import { count, element } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';

const SPLITS = ['train', 'val', 'test'];
const at = (id) => document.getElementById(id);

/** The card "Balance the splits" of the groups page. */
export class SplitsCard {
  /** @param {function(string): Promise<void>} changed called with what was done, after it was done */
  constructor(changed) {
    this.changed = changed;
    at('even-so').addEventListener('change', () => this.arm());
    at('splits-close').addEventListener('click', () => this.close());
  }

  close() {
    at('splits').hidden = true;
  }

  async open() {
    const [plan, { attributes }] = await Promise.all([call('GET', 'splits'), call('GET', 'schema')]);
    const titles = new Map(attributes.map(({ name, title }) => [name, title]));
    const better = plan.seed !== plan.seed_now;
    Object.assign(this, { plan, better });
    at('splits').hidden = false;
    at('splits-about').textContent = better
      ? `Seed ${plan.seed} spreads the values better than ${plan.seed_now}: distance from the wanted shares ${plan.distance_now.toFixed(2)} → ${plan.distance.toFixed(2)} (a random seed: 1). ${count(plan.moved, 'image')} would be in another split.`
      : `No seed that was tried spreads the values better than the present one, ${plan.seed}.`;
    at('splits-warnings').replaceChildren(...plan.warnings.map((text) => element('li', {}, text)));
    at('splits-table').replaceChildren(this.head(), element('tbody', {}, ...plan.values.map((row) => this.row(row, titles))));
    at('even-so-line').hidden = !better || plan.models === 0;
    at('even-so').checked = false;
    at('balance').hidden = !better;
    this.arm();
    at('splits-close').focus();
  }

  arm() {
    at('balance').disabled = !this.better || (this.plan.models > 0 && !at('even-so').checked);
  }

  head() {
    const top = [element('th', { scope: 'col', rowspan: '2' }, 'Value'), element('th', { scope: 'colgroup', colspan: '3' }, 'Now: images (groups)')];
    if (this.better) top.push(element('th', { scope: 'colgroup', colspan: '3', class: 'then' }, 'Then: images (groups)'));
    const names = (first) => SPLITS.map((split, place) => element('th', { scope: 'col', class: `number${place === 0 ? first : ''}` }, split));
    return element('thead', {}, element('tr', {}, ...top), element('tr', {}, ...names(''), ...(this.better ? names(' then') : [])));
  }

  row({ attribute, value, now, then }, titles) {
    const text = ({ images, groups }) => `${images.toLocaleString('en')} (${groups.toLocaleString('en')})`;
    const cells = (held, first) => SPLITS.map((split, place) => element('td', { class: `number${place === 0 ? first : ''}` }, text(held[split])));
    const name = attribute ? [element('span', { class: 'muted' }, titles.get(attribute) ?? attribute), ` ${value}`] : [value];
    return element('tr', {}, element('th', { scope: 'row' }, ...name), ...cells(now, ''),
      ...(this.better ? cells(then, ' then') : []));
  }

  /** Put the better seed in force. */
  async balance() {
    at('balance').disabled = true;
    const { seed, seed_now: insteadOf } = this.plan;
    try {
      const { answer } = await postOnce('splits', { seed, instead_of: insteadOf, even_so: at('even-so').checked });
      this.close();
      await this.changed(`Seed ${answer.seed} is in force: ${count(answer.moved, 'image')} in another split.`);
    } finally {
      this.arm();
    }
  }
}
