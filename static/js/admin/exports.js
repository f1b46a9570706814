/** The way out in another tool's format: choose one, make the files, see what was left out, download. */
import { call } from '../lib/api.js';
import { element, onSubmit } from '../lib/dom.js';

const at = (id) => document.getElementById(id);
const form = at('export');
let formats = [];

/** What the chosen format has no place for. */
function describe() {
  const { leaves_out } = formats.find(({ name }) => name === form.elements.format.value);
  at('leaves-out').textContent = leaves_out ? `It has no place for: ${leaves_out}` : 'It holds everything but the history.';
}

function loss({ what, count, first }) {
  const more = count > first.length ? ', …' : '';
  return element('li', {}, `${what} (${count.toLocaleString('en')}): ${first.join(', ')}${more}`);
}

function show({ path, zip_url, images, labels, lost }) {
  const link = element('a', { href: zip_url }, 'Download as zip');
  const summary = `${images.toLocaleString('en')} images, ${labels.toLocaleString('en')} labels, in ${path}. `;
  const left = lost.length > 0 ? [element('p', {}, 'Left out:'), element('ul', {}, ...lost.map(loss))] : [element('p', {}, 'Nothing was left out.')];
  at('exported').replaceChildren(element('p', {}, summary, link), ...left);
}

async function make() {
  const button = form.querySelector('button');
  button.disabled = true;
  at('exported').textContent = 'Making the files …';
  try {
    show(await call('POST', 'exports', { format: form.elements.format.value, images: form.elements.images.value || null }));
  } catch (error) {
    at('exported').textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

/** Try until the server answers. */
async function load() {
  try {
    ({ formats } = await call('GET', 'exports/formats'));
    form.elements.format.replaceChildren(...formats.map(({ name, title }) => element('option', { value: name }, title)));
    describe();
  } catch {
    setTimeout(load, 2000);
  }
}

form.elements.format.addEventListener('change', describe);
onSubmit(form, make);
load();
