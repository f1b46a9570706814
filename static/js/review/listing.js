/** The browse page: a grid of the images of a view; the view is the URL's query. */
import { call } from '../lib/api.js';
import { byId, count, element, fieldOf, messageOf, onSubmit } from '../lib/dom.js';
import { exclusionText } from '../lib/exclude/words.js';
import { thumbnailNode } from '../lib/face_crop.js';
import { browseUrl, imageUrl } from '../lib/urls.js';
import { filtersOf, readImages, withPlace } from './image_query.js';
/** @import { Attribute, Code, ImageCard } from '../types' */
/** @import { ImagePage } from './image_query.js' */

const LIMIT = 60;
const form = byId('view', HTMLFormElement);
const attributeField = fieldOf(form, 'attribute');
const valueField = fieldOf(form, 'value');
const query = new URLSearchParams(location.search);
const filters = filtersOf(query);
const place = { after: query.get('after'), before: query.get('before') };
/** @type {Attribute[]} */
let schema = [];

/**
 * @param {Attribute} attribute
 * @param {Code} code
 */
const valueName = (attribute, code) => (code === null ? "can't tell"
  : attribute.values.find((value) => value.code === code)?.name ?? String(code));

/**
 * The second line of a card: the value that the view is about, else how much of the image is labelled.
 *
 * @param {ImageCard} image
 */
function about(image) {
  const attribute = schema.find(({ name }) => name === filters.get('attribute'));
  if (attribute && attribute.name in image.labels) return image.names[attribute.name] ?? valueName(attribute, image.labels[attribute.name]);
  if (attribute) return 'not labelled';
  return image.done ? 'done' : count(Object.keys(image.labels).length, 'label');
}

/** @param {ImageCard} image */
function card(image) {
  const marks = [];
  if (image.adjudicated.length > 0) marks.push(element('span', { class: 'mark good', role: 'img', title: 'adjudicated', 'aria-label': 'adjudicated' }, '✓'));
  const flags = count(image.open_flags, 'open flag');
  if (image.open_flags > 0) marks.push(element('span', { class: 'mark bad', role: 'img', title: flags, 'aria-label': flags }, `⚑ ${image.open_flags}`));
  if (image.excluded) marks.push(element('span', { class: 'mark', title: exclusionText(image.excluded) }, 'excluded'));
  return element('li', {}, element('a', { class: image.excluded ? 'tile excluded' : 'tile', href: imageUrl(image.id, filters), 'data-image': image.id },
    thumbnailNode(image),
    element('span', { class: 'tile-name', title: image.name }, image.name),
    element('span', { class: 'tile-about' }, element('span', {}, about(image)), ...marks)));
}

/**
 * Offer the values of the chosen attribute. An attribute with too many people to list offers the one of the view.
 *
 * @param {string} [person] name of the person of the view
 */
function offerValues(person = 'this person') {
  const attribute = schema.find(({ name }) => name === attributeField.value);
  const options = [['', 'any'], ['none', 'not labelled'], ['unsure', "can't tell"],
    ...(attribute?.values ?? []).map(({ code, name }) => [String(code), name])];
  const wanted = filters.get('value');
  if (attribute?.searched && wanted && !options.some(([value]) => value === wanted)) options.push([wanted, person]);
  valueField.replaceChildren(...options.map(([value, name]) => element('option', { value }, name)));
  valueField.disabled = !attribute;
  if (attribute?.name === filters.get('attribute')) valueField.value = wanted ?? '';
}

function fillForm() {
  attributeField.append(...schema.map(({ name, title }) => element('option', { value: name }, title)));
  attributeField.value = filters.get('attribute') ?? '';
  offerValues();
  for (const [name, value] of filters) {
    const field = fieldOf(form, name);
    field.value = value;
    field.closest('label')?.classList.add('used');
  }
}

/** @param {ImagePage} page */
function offerPages({ images, next }) {
  const back = place.before !== null;
  const later = back ? images.at(-1)?.name : next;
  const earlier = back ? next : place.after !== null && images[0]?.name;
  offerPage('next', later, 'after');
  offerPage('previous', earlier, 'before');
}

/**
 * @param {'next'|'previous'} id of the link
 * @param {string|null|undefined|false} name of the image from which the page goes on; nothing where there is no such page
 * @param {'after'|'before'} side
 */
function offerPage(id, name, side) {
  const link = byId(id, HTMLAnchorElement);
  link.hidden = !name;
  if (name) link.href = browseUrl(withPlace(filters, { [side]: name }));
}

async function load() {
  try {
    schema = (await call('GET', 'schema')).attributes;
    fillForm();
    const page = await readImages(filters, place, LIMIT, (read) => { byId('message').textContent = `Searching … ${count(read, 'image')} so far`; });
    byId('grid').replaceChildren(...page.images.map(card));
    const first = page.images[0]?.name;
    byId('message').textContent = first ? `${count(page.images.length, 'image')}, by name` : 'No image matches the filters.';
    if (schema.some(({ name, searched }) => searched && name === filters.get('attribute'))) offerValues(page.images[0]?.names[attributeField.value]);
    offerPages(page);
  } catch (error) {
    byId('error').textContent = messageOf(error);
    byId('message').textContent = '';
  }
  document.documentElement.dataset.state = 'ready';
}

attributeField.addEventListener('change', () => offerValues());
onSubmit(form, () => {
  const wanted = filtersOf(new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)])));
  location.assign(browseUrl(wanted));
});
load();
