/** The filters of a view as chips, and the values of every attribute with their counts. */
import { call } from '../lib/api.js';
import { element, messageOf } from '../lib/dom.js';
import { groupName } from '../lib/schema.js';
import { browseUrl } from '../lib/urls.js';
import { alsoOf, filtersOf, OF_MODEL, withAlso } from './image_query.js';
/** @import { Attribute } from '../types' */

/** @typedef {{images: number, values: Record<string, number>, complete: boolean}} ViewCounts */

/** What filters are called that are more than an attribute and its value. @type {Record<string, (value: string) => string>} */
const WORDS = {
  name: (value) => (value.startsWith('*') ? `Name holds ${value.slice(1)}` : `Name begins with ${value}`),
  disagreement: (value) => (value === 'model' ? 'Suggestion ≠ label' : 'Opinions differ'),
  flag: (value) => (value === 'any' ? 'Flagged' : `Flag ${value}`),
  skipped: (value) => (value === 'any' ? 'Ever skipped' : 'Skipped'),
  filled: (value) => (value === 'only' ? 'Filled by the model' : 'Without filled'),
  excluded: (value) => (value === 'only' ? 'Excluded' : 'Without excluded'),
  faces: (value) => `Faces: ${value}`,
  labeller: (value) => `Labelled by ${value}`,
  origin: (value) => `Origin: ${value}`,
  split: (value) => `Split ${value}`,
  group: (value) => `Group ${value}`,
  source: (value) => `Imported from ${value}`,
  sure_from: (value) => `Model at least ${Math.round(100 * Number(value))} % sure`,
  sure_below: (value) => `Model less than ${Math.round(100 * Number(value))} % sure`,
  inside: () => 'Inside a lasso of the map',
  like: (value) => `Like ${value.split(',').length} chosen`,
};

/**
 * The name of a value for reading.
 *
 * @param {Attribute|undefined} attribute
 * @param {string} value
 */
export function valueName(attribute, value) {
  if (value === 'none') return 'not labelled';
  if (value === 'unsure') return "can't tell";
  if (value === 'labelled') return 'labelled';
  return attribute?.values.find(({ code }) => String(code) === value)?.name ?? value;
}

/**
 * One chip for each filter, which removes it.
 *
 * @param {Attribute[]} schema
 * @param {URLSearchParams} view
 */
export function chipNodes(schema, view) {
  const attributeOf = (/** @type {?string} */ name) => schema.find((one) => one.name === name);
  const title = (/** @type {?string} */ name) => attributeOf(name)?.title ?? name ?? '';
  const main = view.get('attribute');
  /** @type {[text: string, view: URLSearchParams][]} */
  const chips = [];
  const without = (/** @type {string[]} */ ...names) => {
    const left = new URLSearchParams(view);
    for (const name of names) left.delete(name);
    return left;
  };
  const [value, predicted] = [view.get('value'), view.get('predicted')];
  if (main && value) chips.push([`${title(main)}: ${valueName(attributeOf(main), value)}`, OF_MODEL.some((name) => view.has(name)) ? without('value') : without('attribute', 'value')]);
  else if (main) chips.push([title(main), without('attribute', ...OF_MODEL)]);
  const round = view.get('round');
  if (main && predicted) chips.push([`${title(main)} predicted ${valueName(attributeOf(main), predicted)}${round ? ` by round ${round}` : ''}`, without('predicted', 'balanced', 'round')]);
  else if (round) chips.push([`Model of round ${round}`, without('round')]);
  const also = alsoOf(view);
  for (const [name, wanted] of also) {
    chips.push([`${title(name)}: ${valueName(attributeOf(name), wanted)}`, withAlso(view, also.filter((pair) => pair[0] !== name || pair[1] !== wanted))]);
  }
  for (const [name, words] of Object.entries(WORDS)) {
    const given = view.get(name);
    if (given) chips.push([words(name === 'group' ? groupName(schema, given, 'of one photo') : given), name === 'like' ? without('like', 'order') : without(name)]);
  }
  return chips.map(([text, left]) => element('li', {}, element('a', { class: 'view-chip', href: browseUrl(left), 'aria-label': `Remove the filter ${text}` }, text, element('span', { 'aria-hidden': 'true' }, ' ×'))));
}

/**
 * The values of every attribute, which are counted when the attribute is opened; a click adds or removes one.
 *
 * @param {Attribute[]} schema
 * @param {URLSearchParams} view
 */
export function facetNodes(schema, view) {
  const chosen = alsoOf(view);
  return schema.filter(({ kind }) => kind === 'categorical').map((attribute) => {
    const body = element('div', { class: 'facet-values' });
    const node = element('details', { class: 'facet', 'data-facet': attribute.name }, element('summary', {}, attribute.title), body);
    const fill = async () => {
      body.textContent = 'Counting …';
      try {
        const query = new URLSearchParams(filtersOf(view));
        query.set('by', attribute.name);
        body.replaceChildren(...facetChips(attribute, view, chosen, await call('GET', `images/counts?${query}`)));
      } catch (error) {
        body.textContent = messageOf(error);
      }
    };
    node.addEventListener('toggle', () => node.open && fill());
    if (chosen.some(([name]) => name === attribute.name)) node.open = true;
    return node;
  });
}

/**
 * @param {Attribute} attribute
 * @param {URLSearchParams} view
 * @param {[attribute: string, value: string][]} chosen
 * @param {ViewCounts} counts
 */
function facetChips(attribute, view, chosen, { values, complete }) {
  const codes = [...attribute.values.map(({ code }) => String(code)), 'unsure', 'none'];
  return codes.map((value) => {
    const pressed = chosen.some((pair) => pair[0] === attribute.name && pair[1] === value);
    const others = chosen.filter((pair) => pair[0] !== attribute.name);
    const next = withAlso(view, pressed ? others : [...others, [attribute.name, value]]);
    const images = values[value] ?? 0;
    return element('a', { class: images === 0 ? 'view-chip empty' : 'view-chip', href: browseUrl(next), 'data-value': value, 'aria-current': pressed ? 'true' : null },
      valueName(attribute, value), element('small', {}, ` ${complete ? '' : '≥ '}${images.toLocaleString('en')}`));
  });
}
