/** The import page: send a file, see what it would do, confirm, watch, look back. */
import { call } from '../lib/api.js';
import { element, moment, onSubmit } from '../lib/dom.js';
import { reportOf } from './import_report.js';
import { tar } from './tar.js';
import { upload } from './upload.js';

const LOOK = 500; // milliseconds between two looks at a run
const at = (id) => document.getElementById(id);
const form = at('confirm');
const pieceBytes = Number(at('main').dataset.pieceBytes);
let current = null;
let timer = null;
let sending = false;

const isActive = ({ state }) => state === 'queued' || state === 'running';
const hasFile = ({ state, dry_run }) => state === 'failed' || (state === 'done' && dry_run);

function say(text, error = '') {
  at('message').textContent = text;
  at('error').textContent = error;
}

function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, number)) / 10));
  return `${(number / 1024 ** power).toFixed(power && number / 1024 ** power < 10 ? 1 : 0)} ${units[power]}`;
}

/** The state in a person's words. */
function stateOf({ state, dry_run }) {
  if (state === 'done') return dry_run ? 'tried' : 'imported';
  if (state === 'running') return dry_run ? 'being tried' : 'being imported';
  return { receiving: 'being sent', queued: 'waiting for the worker' }[state] ?? state;
}

function showProgress({ state, received, bytes: size, done, total }) {
  const bar = at('progress');
  bar.hidden = !['receiving', 'queued', 'running'].includes(state);
  if (state === 'receiving') bar.value = received / size;
  else if (total > 0) bar.value = done / total;
  else bar.removeAttribute('value');
}

function showForm(row) {
  form.hidden = !hasFile(row);
  if (form.hidden) return;
  form.elements.format.value = row.format;
  form.elements.labels.value = row.labels;
  form.elements.faces.checked = row.faces;
  form.elements.mapping.value = row.mapping || row.proposed || '';
  at('mapping').open = Boolean(row.mapping || row.proposed);
}

/** Show an import; where it has ended, its report and what can be done with it. */
function show(row) {
  const ended = current?.id !== row.id || current.state !== row.state;
  current = row;
  at('current').hidden = false;
  at('current').dataset.import = row.id;
  at('current').dataset.state = row.state;
  at('current-title').textContent = row.name;
  Object.assign(at('state'), { textContent: stateOf(row) }).dataset.state = row.state;
  const files = row.state === 'running' && row.total > 0 ? ` · ${row.done.toLocaleString('en')} of ${row.total.toLocaleString('en')} files` : '';
  at('size').textContent = bytes(row.bytes) + files;
  showProgress(row);
  at('trouble').textContent = row.error ?? '';
  if (!ended) return;
  at('report').replaceChildren(...(row.report ? reportOf(row.report) : []));
  showForm(row);
}

function listed(row) {
  const open = element('button', { type: 'button', onclick: () => look(row.id, true) }, row.name);
  return element('tr', { 'data-import': row.id }, element('th', { scope: 'row' }, open), element('td', { class: 'number' }, bytes(row.bytes)),
    element('td', {}, moment(row.created_at)), element('td', {}, element('span', { class: 'badge', 'data-state': row.state }, stateOf(row))));
}

async function list() {
  const { imports } = await call('GET', 'imports');
  at('imports').hidden = imports.length === 0;
  at('imports').tBodies[0].replaceChildren(...imports.map(listed));
  return imports;
}

/** Look at an import, and go on looking while the worker is at it. */
async function look(id, focus = false) {
  clearTimeout(timer);
  history.replaceState(null, '', `#${id}`);
  try {
    const row = await call('GET', `imports/${id}`);
    show(row);
    if (focus) at('current-title').focus();
    if (isActive(row)) {
      timer = setTimeout(look, LOOK, id);
      return;
    }
    say(row.state === 'done' ? (row.dry_run ? 'Nothing is changed yet. Look at what it would do, then import.' : 'Imported.') : '');
    await list();
  } catch (error) {
    say(`${error.message} Trying again …`);
    if (error.status !== 404) timer = setTimeout(look, 4 * LOOK, id);
  }
}

/** Send what was chosen: one file as it is, several as one archive. */
async function send(entries) {
  if (sending || entries.length === 0) return;
  const [{ path, file }] = entries;
  const root = entries.length > 1 && path.includes('/') ? path.split('/')[0] : 'files';
  const isImage = file.type.startsWith('image/');
  const [name, content] = entries.length === 1 && !isImage ? [file.name, file] : [`${isImage && entries.length === 1 ? 'image' : root}.tar`, tar(entries)];
  sending = true;
  clearTimeout(timer);
  say(`Sending ${name} …`);
  try {
    const row = await upload(name, content, pieceBytes, show, (text) => say(text));
    await list();
    await look(row.id, true);
  } catch (error) {
    say('', error.message);
  } finally {
    sending = false;
  }
}

async function act(path, body) {
  say('');
  try {
    const row = await call('POST', `imports/${current.id}/${path}`, body);
    show(row);
    await list();
    await look(row.id);
  } catch (error) {
    say('', error.message);
  }
}

function start(dryRun) {
  const { format, mapping, labels, faces } = form.elements;
  return act('start', { dry_run: dryRun, format: format.value, mapping: mapping.value, labels: labels.value, faces: faces.checked });
}

/** The files of a dropped folder, with their places in it. */
async function walk(entry, prefix = '') {
  if (entry.isFile) return [{ path: prefix + entry.name, file: await new Promise((resolve, reject) => { entry.file(resolve, reject); }) }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (some.length === 0) return found;
    for (const inner of some) found.push(...await walk(inner, `${prefix}${entry.name}/`));
  }
}

async function dropped(event) {
  event.preventDefault();
  delete at('drop').dataset.over;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  send((await Promise.all(entries.map((entry) => walk(entry)))).flat());
}

function picked(event) {
  send([...event.target.files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
  event.target.value = '';
}

/** Try until the server answers; then show what is unfinished, or what the address names. */
async function load() {
  try {
    const imports = await list();
    const chosen = Number(location.hash.slice(1)) || imports.find((row) => isActive(row) || (row.state === 'done' && row.dry_run))?.id;
    say(imports.length > 0 ? '' : 'Nothing was imported here yet.');
    if (chosen) await look(chosen);
    document.documentElement.dataset.state = 'ready';
  } catch (error) {
    say('', error.message);
    setTimeout(load, 2000);
  }
}

at('files').addEventListener('change', picked);
at('folder').addEventListener('change', picked);
at('drop').addEventListener('dragover', (event) => { event.preventDefault(); at('drop').dataset.over = ''; });
at('drop').addEventListener('dragleave', () => { delete at('drop').dataset.over; });
at('drop').addEventListener('drop', dropped);
onSubmit(form, () => start(false));
at('again').addEventListener('click', () => start(true));
at('discard').addEventListener('click', () => act('discard', {}));
load();
