/** The browse page: a light table of the images of a view; the view is the URL's query. */
import { call } from '../lib/api.js';
import { byId, closest, count, element, fieldOf, messageOf, onSubmit } from '../lib/dom.js';
import { ProjectStorage } from '../lib/storage.js';
import { browseUrl, imageUrl, ownUrl } from '../lib/urls.js';
import { ActionBar } from './action_bar.js';
import { chipNodes, facetNodes } from './chips.js';
import { filtersOf, OF_MODEL, readImages, viewOf, withPlace } from './image_query.js';
import { Selection } from './selection.js';
import { tileNode } from './tiles.js';
/** @import { Attribute, ImageCard } from '../types' */
/** @import { ImagePage } from './image_query.js' */

const LIMIT = 60;
const MOST_AT_ONCE = 200; // images of one request
const MOST_LIKE = 50; // images that others are compared with
const SIZES = { name: 'tile size', least: 72, usual: 132 };
const form = byId('view', HTMLFormElement);
const grid = byId('grid');
const attributeField = fieldOf(form, 'attribute');
const valueField = fieldOf(form, 'value');
const predictedField = fieldOf(form, 'predicted');
const orderField = byId('order', HTMLSelectElement);
const sizeField = byId('size', HTMLInputElement);
const query = new URLSearchParams(location.search);
const view = viewOf(query);
const filters = filtersOf(query);
const place = { after: query.get('after'), before: query.get('before') };
const project = document.documentElement.dataset.project ?? '';
const local = new ProjectStorage(localStorage, project);
const message = byId('message');

class LightTable {
  /** @param {Attribute[]} schema */
  constructor(schema) {
    this.schema = schema;
    /** @type {ImageCard[]} */
    this.images = [];
    /** @type {?string} */
    this.next = null;
    this.loading = false;
    this.total = '';
    this.said = '';
    this.selection = new Selection(grid, { onchange: () => this.bar?.render(this.selection.size), onopen: (tile) => this.open(tile) });
    this.bar = new ActionBar(schema, new ProjectStorage(sessionStorage, project), {
      images: () => this.selection.images, changed: (text) => this.reload(text), say: (text) => this.say(text),
    });
    byId('more').addEventListener('click', () => this.more());
    byId('everything').addEventListener('click', () => this.selectAll());
    byId('deselect').addEventListener('click', () => this.selection.choose([]));
    byId('alike').addEventListener('click', () => this.sortByLikeness());
    document.addEventListener('keydown', (event) => this.press(event));
    new IntersectionObserver(([edge]) => edge.isIntersecting && place.before === null && this.more(), { rootMargin: '600px' }).observe(byId('more'));
  }

  // ---- which images are shown

  async load() {
    const page = await readImages(view, place, LIMIT, (read) => { message.textContent = `Searching … ${count(read, 'image')} so far`; });
    this.show(page, page.images);
    this.offerPages(page);
    if (page.images.length === 0) message.textContent = `${filters}` === '' ? 'No images yet.' : 'No image matches the filters.';
    else if (page.next === null && place.after === null && place.before === null) this.counted(page.images.length, true);
    else call('GET', `images/counts?${filters}`).then(({ images, complete }) => this.counted(images, complete), () => {});
  }

  /**
   * @param {number} images
   * @param {boolean} complete
   */
  counted(images, complete) {
    this.total = `${complete ? '' : 'more than '}${count(images, 'image')}`;
    this.describe();
  }

  describe() {
    if (this.said) message.textContent = this.said;
    else if (this.images.length > 0) message.textContent = this.total || count(this.images.length, 'image');
  }

  /** @param {string} text */
  say(text) {
    this.said = text;
    this.describe();
  }

  /**
   * @param {Pick<ImagePage, 'next'>} page
   * @param {ImageCard[]} images all that are shown now
   */
  show({ next }, images) {
    const shown = this.images.length;
    const grown = images.length > shown && images[0] === this.images[0] && shown > 0;
    this.images = images;
    this.next = next;
    const attribute = this.schema.find(({ name }) => name === view.get('attribute'));
    const nodes = (grown ? images.slice(shown) : images).map((image) => tileNode(image, view, attribute));
    const row = element('div', { role: 'row', class: 'tiles' }, ...nodes);
    if (grown) grid.append(row);
    else grid.replaceChildren(...(images.length > 0 ? [row] : []));
    this.selection.show([...(grown ? this.selection.tiles : []), ...nodes]);
    byId('more').hidden = next === null || place.before !== null;
    this.describe();
  }

  /** The images after those that are shown. */
  async more() {
    if (this.loading || this.next === null || place.before !== null) return;
    this.loading = true;
    try {
      const page = await readImages(view, { after: this.next }, LIMIT);
      this.show(page, [...this.images, ...page.images]);
    } catch (error) {
      byId('error').textContent = messageOf(error);
    }
    this.loading = false;
  }

  /**
   * Read the images that are shown again, after a change.
   *
   * @param {string} text what was changed
   */
  async reload(text) {
    byId('error').textContent = '';
    const wanted = Math.max(LIMIT, this.images.length);
    /** @type {ImageCard[]} */
    let images = [];
    let from = { ...place };
    /** @type {?string} */
    let next = null;
    do {
      const page = await readImages(view, from, Math.min(MOST_AT_ONCE, wanted - images.length));
      images = [...images, ...page.images];
      next = page.next;
      from = { after: next, before: null };
    } while (next !== null && images.length < wanted && place.before === null);
    const { at } = this.selection;
    this.images = [];
    this.show({ next }, images);
    if (images.length > 0 && !document.querySelector('dialog[open]')) this.selection.focus(Math.min(at, images.length - 1));
    this.say(text);
    for (const facet of document.querySelectorAll('.facet[open]')) facet.dispatchEvent(new Event('toggle'));
  }

  /** @param {ImagePage} page */
  offerPages({ images, next }) {
    if ((view.get('order') ?? 'name') !== 'name') return;
    const back = place.before !== null;
    offerPage('next', back && images.at(-1)?.name, 'after');
    offerPage('previous', back ? next : place.after !== null && images[0]?.name, 'before');
  }

  // ---- the selection

  /** @param {HTMLElement} tile */
  open(tile) {
    location.assign(imageUrl(Number(tile.dataset.image), view));
  }

  /** Ctrl+A: all images of the view, also those that are not loaded. */
  async selectAll() {
    try {
      /** @type {{images: number[], complete: boolean}} */
      const { images, complete } = await call('GET', `images/ids?${view}`);
      this.selection.choose(images);
      this.say(complete ? `All ${count(images.length, 'image')} of this view are selected.` : `The first ${count(images.length, 'image')} are selected: as many as one change takes.`);
    } catch (error) {
      byId('error').textContent = messageOf(error);
    }
  }

  sortByLikeness() {
    const chosen = this.selection.images.slice(0, MOST_LIKE);
    if (chosen.length === 0) return;
    const other = new URLSearchParams(view);
    other.set('order', 'likeness');
    other.set('like', chosen.join(','));
    location.assign(browseUrl(other));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const help = byId('help', HTMLDialogElement);
    if (closest(event, 'input, select, dialog')) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let known = true;
    if ((event.ctrlKey || event.metaKey) && key === 'a') this.selectAll();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (key === 'Escape') this.selection.choose([]);
    else if (key === 'Backspace' && !event.repeat) this.bar.undo();
    else if (key === '?') help.showModal();
    else if (key === 'l') this.sortByLikeness();
    else if (key === '+' || key === '=') resize(1);
    else if (key === '-') resize(-1);
    else known = this.bar.openByKey(key);
    if (known) event.preventDefault();
  }
}

/**
 * @param {'next'|'previous'} id of the link
 * @param {string|null|undefined|false} name of the image from which the page goes on; nothing where there is no such page
 * @param {'after'|'before'} side
 */
function offerPage(id, name, side) {
  const link = byId(id, HTMLAnchorElement);
  link.hidden = !name;
  if (name) link.href = browseUrl(withPlace(view, { [side]: name }));
}

/** @param {number} [by] steps of the size; without it, the size that was chosen last */
function resize(by) {
  if (by === undefined) sizeField.value = String(local.get(SIZES.name) ?? SIZES.usual);
  else sizeField.value = String(Number(sizeField.value) + by * Number(sizeField.step));
  document.documentElement.style.setProperty('--tile', `${Math.max(SIZES.least, Number(sizeField.value))}px`);
  if (by !== undefined) local.set(SIZES.name, Number(sizeField.value));
}

/**
 * Offer the values of the chosen attribute. An attribute with too many people to list offers the one of the view.
 *
 * @param {Attribute[]} schema
 * @param {string} [person] name of the person of the view
 */
function offerValues(schema, person = 'this person') {
  const attribute = schema.find(({ name }) => name === attributeField.value);
  const options = [['', 'any'], ['none', 'not labelled'], ['labelled', 'labelled'], ['unsure', "can't tell"],
    ...(attribute?.values ?? []).map(({ code, name }) => [String(code), name])];
  const wanted = filters.get('value');
  if (attribute?.searched && wanted && !options.some(([value]) => value === wanted)) options.push([wanted, person]);
  valueField.replaceChildren(...options.map(([value, name]) => element('option', { value }, name)));
  valueField.disabled = !attribute;
  if (attribute?.name === filters.get('attribute')) valueField.value = wanted ?? '';
  predictedField.replaceChildren(element('option', { value: '' }, 'any'), ...(attribute?.kind === 'categorical' ? attribute.values : []).map(({ code, name }) => element('option', { value: code }, name)));
  predictedField.disabled = attribute?.kind !== 'categorical';
  if (attribute?.name === filters.get('attribute')) predictedField.value = filters.get('predicted') ?? '';
}

/** @param {Attribute[]} schema */
function fillForm(schema) {
  attributeField.append(...schema.map(({ name, title }) => element('option', { value: name }, title)));
  attributeField.value = filters.get('attribute') ?? '';
  offerValues(schema);
  for (const [name, value] of filters) {
    if (form.elements.namedItem(name) === null) continue; // it has a chip only
    const field = fieldOf(form, name);
    field.value = value;
    field.closest('label')?.classList.add('used');
  }
  orderField.value = view.get('order') ?? 'name';
  if (orderField.value === 'likeness') orderField.append(element('option', { value: 'likeness', selected: true }, `likeness to ${view.get('like')?.split(',').length} chosen`));
  byId('chips').replaceChildren(...chipNodes(schema, view));
  byId('assign-view', HTMLAnchorElement).href = ownUrl(`/team?${new URLSearchParams({ assign: String(filtersOf(view)) })}`);
  byId('assign-view').hidden = false;
  byId('facets').replaceChildren(...facetNodes(schema, view));
}

/** The view of the form's fields; what has no field stays as it is. */
function wantedView() {
  const wanted = new URLSearchParams(view);
  for (const [name, value] of new FormData(form)) wanted.set(name, String(value));
  const changed = (/** @type {string} */ name) => (wanted.get(name) ?? '') !== (view.get(name) ?? '');
  if (changed('attribute') || changed('predicted')) for (const name of OF_MODEL) if (name !== 'predicted') wanted.delete(name);
  return viewOf(wanted);
}

async function load() {
  resize();
  try {
    /** @type {Attribute[]} */
    const schema = (await call('GET', 'schema')).attributes;
    fillForm(schema);
    attributeField.addEventListener('change', () => offerValues(schema));
    const table = new LightTable(schema);
    await table.load();
    if (location.hash === '#all') await table.selectAll();
    const person = table.images[0]?.names[attributeField.value];
    if (person && schema.some(({ name, searched }) => searched && name === filters.get('attribute'))) offerValues(schema, person);
  } catch (error) {
    byId('error').textContent = messageOf(error);
    message.textContent = '';
  }
  document.documentElement.dataset.state = 'ready';
}

onSubmit(form, () => location.assign(browseUrl(wantedView())));
orderField.addEventListener('change', () => {
  const wanted = new URLSearchParams(view);
  wanted.delete('like');
  if (orderField.value === 'name') wanted.delete('order');
  else wanted.set('order', orderField.value);
  location.assign(browseUrl(wanted));
});
sizeField.addEventListener('input', () => resize(0));
byId('keys').addEventListener('click', () => byId('help', HTMLDialogElement).showModal());
byId('help-close').addEventListener('click', () => byId('help', HTMLDialogElement).close());
load();
