/** The import page: upload a file, check what it would change, confirm, follow the import, see earlier ones. */
import { asApiError, call } from '../lib/api.js';
import { byId, element, fieldOf, messageOf, moment, onSubmit } from '../lib/dom.js';
import { untilAnswered } from '../lib/retry.js';
import { HeadChoice } from './heads.js';
import { reportOf } from './import_report.js';
import { MappingForm, saveText } from './mapping.js';
import { bundle, takeFiles } from '../upload/drop_zone.js';
import { upload } from '../upload/upload.js';
import { ownUrl } from '../lib/urls.js';
/** @import { Import, Imports, ImportSummary } from '../types' */
/** @import { ChosenFile } from '../upload/drop_zone.js' */

const IMPORTED = 'Imported.';
const LOOK = 500; // milliseconds between two looks at a run
const form = byId('confirm', HTMLFormElement);
const mapping = new MappingForm(form);
const heads = new HeadChoice(form, mapping);
const pieceBytes = Number(byId('main').dataset.pieceBytes);
/** @type {?Import} */
let current = null;
/** @type {number|undefined} */
let timer;
let sending = false;

const isActive = (/** @type {ImportSummary} */ { state }) => state === 'queued' || state === 'running';
const hasFile = (/** @type {ImportSummary} */ { state, dry_run }) => state === 'failed' || (state === 'done' && dry_run);

/**
 * @param {string} text
 * @param {string} [error]
 */
function say(text, error = '') {
  byId('message').textContent = text;
  byId('message').classList.toggle('success', text === IMPORTED);
  byId('error').textContent = error;
}

/**
 * What to do after a trial. A file of which nothing can be imported says so and not "then import".
 *
 * @param {Import} row
 */
function checked({ report }) {
  const { images, labels } = report ?? {};
  const nothing = images?.refused.count && !images.imported && !images.already && !images.duplicates.count && !labels?.rows;
  return nothing ? 'Nothing in this file can be imported: the reasons are below.' : 'Nothing has changed yet. Check the result below, then import.';
}

/** @param {string} text */
function complain(text) {
  byId('error').textContent = text;
}

/** @param {number} number */
function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, number)) / 10));
  return `${(number / 1024 ** power).toFixed(power && number / 1024 ** power < 10 ? 1 : 0)} ${units[power]}`;
}

/**
 * The state in a person's words.
 *
 * @param {ImportSummary} row
 */
function stateOf({ state, dry_run, needs_mapping }) {
  if (needs_mapping) return 'needs your choices';
  if (state === 'done') return dry_run ? 'checked' : 'imported';
  if (state === 'running') return dry_run ? 'being checked' : 'being imported';
  if (state === 'receiving') return 'uploading';
  return state === 'queued' ? 'waiting for the worker' : state;
}

/** @param {Import} row */
function showProgress({ state, received, bytes: size, done, total }) {
  const bar = byId('progress', HTMLProgressElement);
  bar.hidden = !['receiving', 'queued', 'running'].includes(state);
  if (state === 'receiving') bar.value = received / size;
  else if (total > 0) bar.value = done / total;
  else bar.removeAttribute('value');
}

/**
 * Show the form for an import whose file is still there, and what its labels mean.
 *
 * @param {Import} row
 */
async function showForm(row) {
  form.hidden = true;
  if (!hasFile(row)) return;
  const isArchive = /\.(zip|tar|tgz|gz|bz2|xz)$/i.test(row.name) && !/\.[ct]sv\.gz$/i.test(row.name);
  byId('names-encoding').hidden = !isArchive;
  fieldOf(form, 'format').value = row.format;
  fieldOf(form, 'labels').value = row.labels;
  fieldOf(form, 'names_encoding').value = row.names_encoding;
  fieldOf(form, 'fps').value = String(row.fps);
  fieldOf(form, 'mapping').value = row.mapping;
  await mapping.load(row.id, row.report ? row.mapping : null);
  heads.load(row);
  form.hidden = current?.id !== row.id || !hasFile(current);
}

/**
 * What a file's trial could not read, folded: the choices below explain most of it.
 *
 * @param {Import} row
 */
function unreadParts({ error }) {
  const [first, ...rest] = (error ?? '').split('\n');
  return rest.length > 1 ? [element('details', {}, element('summary', {}, first.replace(/:$/, '')), element('ul', {}, ...rest.slice(0, -1).map((line) => element('li', {}, line))))]
    : [element('p', {}, first)];
}

/**
 * A button that saves the mapping of an import.
 *
 * @param {Import} row
 */
function usedMapping({ name, mapping: text }) {
  const save = () => saveText(`${name}.map.toml`, text);
  return text ? [element('p', {}, element('button', { type: 'button', onclick: save }, 'Save its mapping as a file'))] : [];
}

/**
 * Show an import; where it has ended, its report and what can be done with it.
 *
 * @param {Import} row
 */
async function show(row) {
  const ended = current?.id !== row.id || current.state !== row.state;
  current = row;
  byId('current').hidden = false;
  byId('current').dataset.import = String(row.id);
  byId('current').dataset.state = row.state;
  byId('current-title').textContent = row.name;
  byId('state').textContent = stateOf(row);
  byId('state').dataset.state = row.needs_mapping ? 'running' : row.state;
  const files = row.state === 'running' && row.total > 0 ? ` · ${row.done.toLocaleString('en')} of ${row.total.toLocaleString('en')} files` : '';
  byId('size').textContent = bytes(row.bytes) + files;
  showProgress(row);
  byId('trouble').textContent = row.needs_mapping ? '' : row.error ?? '';
  if (!ended) return;
  byId('report').replaceChildren(...(row.needs_mapping ? unreadParts(row) : []), ...(row.report ? reportOf(row.report) : []), ...(row.state === 'done' && !row.dry_run ? usedMapping(row) : []));
  await showForm(row);
}

/**
 * Where the labels of an import that is done are undone.
 *
 * @param {ImportSummary} row
 */
function takeBackLink({ id, name, state, dry_run }) {
  if (state !== 'done' || dry_run) return [];
  return [' ', element('a', { href: ownUrl(`/team?upload=${id}#take-back`), 'aria-label': `Take back the labels of ${name}` }, 'Take back its labels …')];
}

/**
 * Gives up a file that has not arrived, of which the server keeps the part that has.
 *
 * @param {ImportSummary} row
 */
function discardButton({ id, name, state }) {
  if (state !== 'receiving') return [];
  const discard = () => call('POST', `imports/${id}/discard`, {}).then(list).catch((error) => say('', asApiError(error).message));
  return [' ', element('button', { type: 'button', onclick: discard, 'aria-label': `Discard ${name}` }, 'Discard')];
}

/** @param {ImportSummary} row */
function listed(row) {
  const open = element('button', { type: 'button', onclick: () => look(row.id, true) }, row.name);
  return element('tr', { 'data-import': row.id }, element('th', { scope: 'row' }, open), element('td', { class: 'number' }, bytes(row.bytes)),
    element('td', {}, moment(row.created_at)), element('td', {}, element('span', { class: 'badge', 'data-state': row.needs_mapping ? 'running' : row.state }, stateOf(row)), ...takeBackLink(row), ...discardButton(row)));
}

async function list() {
  /** @type {Imports} */
  const { imports, watched, announced, room } = await call('GET', 'imports');
  const waiting = announced ? `, ${bytes(announced)} still to arrive` : '';
  byId('room').textContent = `Newest first · room for ${bytes(room)} on the server${waiting}`;
  const table = byId('imports', HTMLTableElement);
  table.hidden = imports.length === 0;
  table.tBodies[0].replaceChildren(...imports.map(listed));
  byId('watched').hidden = watched.length === 0;
  byId('watched-list').replaceChildren(...watched.map(({ text, problem }) => element('li', {}, text, ...(problem ? [element('p', { class: 'error' }, problem)] : []))));
  return imports;
}

/**
 * Show an import, and follow it while the worker runs it.
 *
 * @param {number} id
 * @param {boolean} [focus] whether to put the focus on it
 */
async function look(id, focus = false) {
  clearTimeout(timer);
  history.replaceState(null, '', `#${id}`);
  try {
    /** @type {Import} */
    const row = await call('GET', `imports/${id}`);
    await show(row);
    if (focus) byId('current-title').focus();
    if (isActive(row)) {
      timer = setTimeout(look, LOOK, id);
      return;
    }
    if (row.state === 'done') say(row.dry_run ? checked(row) : IMPORTED);
    else say(row.needs_mapping ? 'Nothing has changed yet. Choose what the labels mean, then import.' : '');
    await list();
  } catch (error) {
    const { message, status } = asApiError(error);
    say(`${message} Trying again …`);
    if (status !== 404) timer = setTimeout(look, 4 * LOOK, id);
  }
}

/**
 * Upload the chosen files.
 *
 * @param {ChosenFile[]} entries
 */
async function send(entries) {
  if (sending) {
    complain('Another file is being uploaded. Choose this one again when that is done.');
    return;
  }
  const { name, content } = bundle(entries);
  sending = true;
  clearTimeout(timer);
  say(`Uploading ${name} …`);
  try {
    const row = await upload(name, content, pieceBytes, show, (text) => say(text));
    await list();
    await look(row.id, true);
  } catch (error) {
    say('', messageOf(error));
  } finally {
    sending = false;
  }
}

/**
 * @param {'start'|'discard'} path what to do with the import on the page
 * @param {Object} body
 */
async function act(path, body) {
  if (current === null) return;
  say('');
  try {
    /** @type {Import} */
    const row = await call('POST', `imports/${current.id}/${path}`, body);
    await show(row);
    await list();
    await look(row.id);
  } catch (error) {
    say('', messageOf(error));
  }
}

/** @param {boolean} dryRun */
async function start(dryRun) {
  await mapping.settled();
  const value = (/** @type {string} */ name) => fieldOf(form, name).value;
  const faces = fieldOf(form, 'faces').checked;
  return act('start', {
    dry_run: dryRun, format: value('format'), mapping: value('mapping'), labels: value('labels'), faces, names_encoding: value('names_encoding'),
    fps: Number(value('fps')),
  });
}

takeFiles(send, complain);
onSubmit(form, () => start(false));
byId('again').addEventListener('click', () => start(true));
byId('discard').addEventListener('click', () => act('discard', {}));

// Show what is unfinished, or what the address names.
const imports = await untilAnswered(list, ({ message }) => say('', message));
const chosen = Number(location.hash.slice(1)) || imports.find((row) => isActive(row) || (row.state === 'done' && row.dry_run))?.id;
say(imports.length > 0 ? '' : 'Nothing has been imported on this page yet.');
if (chosen) await look(chosen);
document.documentElement.dataset.state = 'ready';
