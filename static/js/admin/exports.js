/** An export for another tool: choose a format, write the files, see what was left out, download. */
import { call } from '../lib/api.js';
import { byId, element, fieldOf, find, messageOf, onSubmit } from '../lib/dom.js';
import { untilAnswered } from '../lib/retry.js';
/** @import { Export, ExportFormat, ExportFormats, Loss } from '../types' */

const form = byId('export', HTMLFormElement);
const formatField = fieldOf(form, 'format');
/** @type {ExportFormat[]} */
let formats = [];

/** Say what the chosen format leaves out. */
function describe() {
  const lost = formats.find(({ name }) => name === formatField.value)?.leaves_out;
  byId('leaves-out').textContent = lost ? `This format leaves out: ${lost}` : 'This format includes everything except the history.';
}

/** @param {Loss} loss */
function lossLine({ what, count, first }) {
  const more = count > first.length ? ', …' : '';
  return element('li', {}, `${what} (${count.toLocaleString('en')}): ${first.join(', ')}${more}`);
}

/** @param {Export} made */
function show({ path, zip_url, images, labels, filled, lost }) {
  const link = element('a', { href: zip_url }, 'Download as zip');
  const byModel = filled > 0 ? ` (${filled.toLocaleString('en')} filled by the model)` : '';
  const summary = `${images.toLocaleString('en')} images, ${labels.toLocaleString('en')} labels${byModel}, in ${path}. `;
  const left = lost.length > 0 ? [element('p', {}, 'Left out:'), element('ul', {}, ...lost.map(lossLine))] : [element('p', {}, 'Nothing was left out.')];
  byId('exported').replaceChildren(element('p', {}, element('span', { class: 'success' }, summary), link), ...left);
}

async function make() {
  const button = find(form, 'button', HTMLButtonElement);
  button.disabled = true;
  byId('exported').textContent = 'Exporting …';
  try {
    const filled = !new FormData(form).has('unfilled');
    show(await call('POST', 'exports', { format: formatField.value, images: fieldOf(form, 'images').value || null, filled }));
  } catch (error) {
    byId('exported').replaceChildren(element('p', { class: 'error' }, messageOf(error)));
  } finally {
    button.disabled = false;
  }
}

formatField.addEventListener('change', describe);
onSubmit(form, make);

/** @type {ExportFormats} */
const offered = await untilAnswered(() => call('GET', 'exports/formats'));
({ formats } = offered);
for (const node of document.querySelectorAll('[data-filled]')) if (node instanceof HTMLElement) node.hidden = offered.filled === 0;
formatField.replaceChildren(...formats.map(({ name, title }) => element('option', { value: name }, title)));
describe();
