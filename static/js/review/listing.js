/** The browse page: a grid of the images of a view; the view is the URL's query. */
import { call } from '../lib/api.js';
import { count, element, onSubmit } from '../lib/dom.js';
import { filtersOf, readImages, withPlace } from './image_query.js';

const LIMIT = 60;
const at = (id) => document.getElementById(id);
const form = at('view');
const query = new URLSearchParams(location.search);
const filters = filtersOf(query);
const place = { after: query.get('after'), before: query.get('before') };
let schema = [];

const valueName = (attribute, code) => (code === null ? "can't tell"
  : attribute.values.find((value) => value.code === code)?.name ?? String(code));

/** The second line of a card: the value that the view is about, else how far the image is. */
function about(image) {
  const attribute = schema.find(({ name }) => name === filters.get('attribute'));
  if (attribute && attribute.name in image.labels) return image.names[attribute.name] ?? valueName(attribute, image.labels[attribute.name]);
  if (attribute) return 'not labelled';
  return image.done ? 'done' : count(Object.keys(image.labels).length, 'label');
}

function card(image) {
  const decided = image.adjudicated.length > 0 && element('span', { class: 'mark good', role: 'img', title: 'adjudicated', 'aria-label': 'adjudicated' }, '✓');
  const flagged = image.open_flags > 0 && element('span', { class: 'mark bad', role: 'img', title: count(image.open_flags, 'open flag'), 'aria-label': count(image.open_flags, 'open flag') }, `⚑ ${image.open_flags}`);
  return element('li', {}, element('a', { class: 'tile', href: `/browse/${image.id}?${filters}`, 'data-image': image.id },
    element('img', { src: image.image_url, alt: '', loading: 'lazy', decoding: 'async' }),
    element('span', { class: 'tile-name', title: image.name }, image.name),
    element('span', { class: 'tile-about' }, element('span', {}, about(image)), ...[decided, flagged].filter(Boolean))));
}

/** The values of the chosen attribute; where there are too many people for a list, the one that was asked for. */
function offerValues() {
  const attribute = schema.find(({ name }) => name === form.elements.attribute.value);
  const options = [['', 'any'], ['none', 'not labelled'], ['unsure', "can't tell"],
    ...(attribute?.values ?? []).map(({ code, name }) => [String(code), name])];
  const wanted = filters.get('value');
  if (attribute?.searched && wanted && !options.some(([value]) => value === wanted)) options.push([wanted, `person ${wanted}`]);
  form.elements.value.replaceChildren(...options.map(([value, name]) => element('option', { value }, name)));
  form.elements.value.disabled = !attribute;
}

function fillForm() {
  form.elements.attribute.append(...schema.map(({ name, title }) => element('option', { value: name }, title)));
  form.elements.attribute.value = filters.get('attribute') ?? '';
  offerValues();
  for (const [name, value] of filters) form.elements[name].value = value;
  for (const name of filters.keys()) form.elements[name].closest('label').classList.add('used');
}

function offerPages({ images, next }) {
  const back = place.before !== null;
  const later = back ? images.at(-1)?.name : next;
  const earlier = back ? next : place.after !== null && images[0]?.name;
  for (const [id, name, side] of [['next', later, 'after'], ['previous', earlier, 'before']]) {
    at(id).hidden = !name;
    if (name) at(id).href = `/browse?${withPlace(filters, { [side]: name })}`;
  }
}

async function load() {
  try {
    schema = (await call('GET', 'schema')).attributes;
    fillForm();
    const page = await readImages(filters, place, LIMIT, (found) => { at('message').textContent = `Looking … ${count(found, 'image')} so far`; });
    at('grid').replaceChildren(...page.images.map(card));
    const first = page.images[0]?.name;
    at('message').textContent = first ? `${count(page.images.length, 'image')}, by name` : 'No image is like this.';
    offerPages(page);
  } catch (error) {
    at('error').textContent = error.message;
    at('message').textContent = '';
  }
  document.documentElement.dataset.state = 'ready';
}

form.elements.attribute.addEventListener('change', offerValues);
onSubmit(form, () => {
  const wanted = filtersOf(new URLSearchParams(new FormData(form)));
  location.assign(wanted.size > 0 ? `/browse?${wanted}` : '/browse');
});
load();
