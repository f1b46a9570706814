/** One image with all its annotations; corrections from here. */
import { call } from '../lib/api.js';
import { runExclusive } from '../lib/busy.js';
import { byId, closest, element, find, findAll, messageOf, onSubmit } from '../lib/dom.js';
import { ExcludeDialog } from '../lib/exclude/dialog.js';
import { exclusionText } from '../lib/exclude/words.js';
import { postOnce } from '../lib/retry.js';
import { groupName } from '../lib/schema.js';
import { ProjectStorage } from '../lib/storage.js';
import { browseUrl, imageUrl } from '../lib/urls.js';
import { cellNode, flagNodes } from './cells.js';
import { filtersOf, readImages, viewOf } from './image_query.js';
import { ReviewPicture } from './picture.js';
/** @import { Answer, Attribute, ImageCard, ImageDetail } from '../types' */

const number = Number(byId('main').dataset.number);
const picture = new ReviewPicture();
const filters = filtersOf(location.search);
const view = viewOf(location.search); // the neighbours come by name, but Back leads to the same order
const kept = new ProjectStorage(sessionStorage, document.documentElement.dataset.project ?? ''); // this tab goes from image to image
const exclusion = new ExcludeDialog(byId('exclude', HTMLDialogElement));
/** @type {{key: string, path: string}[]} */
const changes = []; // of this visit, newest last; `path`: where each is undone
/** @type {Attribute[]} */
let schema = [];

/**
 * @param {string} term
 * @param {...(Node|string)} description
 */
function fact(term, ...description) {
  return [element('dt', {}, term), element('dd', {}, ...description)];
}

/**
 * The name of the image's group: that of the person, if it is one.
 *
 * @param {ImageDetail} image
 */
function groupOf({ group, cells }) {
  const person = cells.find(({ attribute, label }) => label && group === `${attribute}:${label.code}`);
  return person?.label?.name ?? groupName(schema, group ?? '', 'this photo');
}

/** @param {ImageDetail} image */
function facts(image) {
  const link = (/** @type {string} */ filter, /** @type {string} */ value, text = value) => element('a', { href: browseUrl(new URLSearchParams({ [filter]: value })), title: value }, text);
  const hidden = image.split === 'test' ? 'suggestions stay hidden: it measures the model' : 'suggestions are hidden until it is done';
  const state = [image.done ? 'done' : 'open', image.blind && hidden].filter(Boolean).join(' · ');
  const standing = image.split === null || image.group === null ? fact('Shown', 'your own answers only, so that answers stay independent')
    : [...fact('Split', link('split', image.split), ` · ${state}`), ...fact('Group', link('group', image.group, groupOf(image)))];
  return [...standing, ...fact('Imported', link('source', image.source), ` · ${image.original_path} · ${image.width} × ${image.height}`)];
}

/** @param {ImageDetail} image */
function show(image) {
  const opened = new Set(findAll(document, '.cell').filter((node) => node.querySelector('.history[open]')).map(({ dataset }) => dataset.attribute));
  document.title = `${image.name} · ${document.title.split(' · ').slice(1).join(' · ')}`;
  byId('name').textContent = image.name;
  picture.show(image);
  byId('facts').replaceChildren(...facts(image));
  byId('flags').replaceChildren(...flagNodes(image.flags, resolve));
  const cells = new Map(image.cells.map((cell) => [cell.attribute, cell]));
  const mayCorrect = image.gold !== null || image.done;
  byId('cells').replaceChildren(...mayCorrect ? [] : [element('p', { class: 'muted' }, 'You have not answered this image. The page Label shows it to you when it is its turn.')], ...schema.flatMap((attribute) => {
    const cell = cells.get(attribute.name);
    if (!cell || !mayCorrect) return [];
    const node = cellNode(attribute, cell, { onanswer: correct, keys: false });
    if (image.gold !== null && cell.label) node.querySelector('.values')?.append(clearButton(attribute));
    if (opened.has(attribute.name)) node.querySelector('.history')?.setAttribute('open', '');
    return [node];
  }));
  byId('undo').hidden = changes.length === 0;
  if (image.gold === null) byId('adjudicate', HTMLInputElement).checked = false; // no reviewer, though another one may have used this tab
  showExclusion(image);
  byId('gold').hidden = image.gold === null || (!image.gold && !image.cells.some(({ label }) => label?.origin === 'review'));
  byId('gold').setAttribute('aria-pressed', String(image.gold));
  byId('gold').textContent = image.gold ? '★ Gold: measures labellers' : '☆ Make gold';
}

/** @param {ImageDetail} image */
function showExclusion({ excluded, gold }) {
  byId('excluded').hidden = excluded === null;
  byId('exclude-image').hidden = excluded !== null;
  byId('restore').hidden = gold === null; // only reviewers restore what others excluded
  if (excluded) {
    const when = new Date(excluded.created_at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
    find(byId('excluded'), 'span').textContent = `This image does not count: ${exclusionText(excluded)}, ${when}`;
  }
}

async function exclude() {
  if (byId('exclude-image').hidden) return;
  const reasoned = await exclusion.ask(byId('name').textContent ?? '');
  if (reasoned) change('exclusions', { image_ids: [number], ...reasoned }, 'Excluded.');
}

/**
 * Exclude or restore the image.
 *
 * @param {string} path
 * @param {Object} body
 * @param {string} done
 */
function change(path, body, done) {
  runExclusive(async () => {
    const { key } = await postOnce(path, body);
    changes.push({ key, path: 'exclusions/undo' });
    show(await call('GET', `images/${number}`));
  }, done);
}

function toggleGold() {
  const gold = byId('gold').getAttribute('aria-pressed') !== 'true';
  runExclusive(async () => show((await postOnce(`images/${number}/gold`, { gold })).answer), gold ? 'The adjudicated answers are now gold.' : 'The image is no longer gold.');
}

/**
 * @param {string} attribute
 * @param {Answer} value
 */
function correct(attribute, value) {
  runExclusive(async () => {
    const body = { values: { [attribute]: value }, adjudicate: byId('adjudicate', HTMLInputElement).checked };
    const { key, answer } = await postOnce(`images/${number}/corrections`, body);
    changes.push({ key, path: `images/${number}/corrections/undo` });
    show(answer.image);
    findAll(document, `[data-attribute="${attribute}"] [aria-pressed=true]`)[0]?.focus();
  }, 'Saved.');
}

/**
 * A reviewer's button that opens a cell again. `gold` of an image is null for others.
 *
 * @param {Attribute} attribute
 */
function clearButton({ name, title }) {
  return element('button', { type: 'button', class: 'clear', 'aria-label': `Clear ${title}`, onclick: () => clear(name) }, 'Clear');
}

/** @param {string} attribute */
function clear(attribute) {
  runExclusive(async () => {
    const { key } = await postOnce('selection', { action: 'clear', attribute, images: [number], adjudicate: true });
    changes.push({ key, path: 'selection/undo' });
    show(await call('GET', `images/${number}`));
    byId('undo').focus();
  }, 'Cleared: the cell is open again.');
}

function undo() {
  const last = changes.at(-1);
  if (!last) return;
  runExclusive(async () => {
    const { answer } = await postOnce(last.path, { submission: last.key });
    changes.pop();
    show(answer.image ?? await call('GET', `images/${number}`));
  }, 'Undone.');
}

/** @param {number} flag */
function resolve(flag) {
  runExclusive(async () => {
    await postOnce(`flags/${flag}/resolve`, {});
    show(await call('GET', `images/${number}`));
  }, 'Resolved.');
}

function raise() {
  runExclusive(async () => {
    await postOnce('flags', { image_id: number, note: byId('note', HTMLInputElement).value });
    byId('flag', HTMLFormElement).reset();
    show(await call('GET', `images/${number}`));
  }, 'Flagged.');
}

/** Offer to delete the image, to those who may. @param {ImageDetail} image */
function offerErasure(image) {
  const button = document.getElementById('erase-open');
  if (!(button instanceof HTMLButtonElement)) return;
  Object.assign(button.dataset, { title: `Delete ${image.name} for good?`, images: String(number), next: browseUrl(filters) });
  button.disabled = false;
}

/** @param {string} name */
async function offerNeighbours(name) {
  const [before, after] = await Promise.all([readImages(filters, { before: name }, 1), readImages(filters, { after: name }, 1)]);
  offer('previous', before.images[0]);
  offer('next', after.images[0]);
}

/**
 * @param {'previous'|'next'} id
 * @param {ImageCard} [image] missing at the end of the view
 */
function offer(id, image) {
  const link = byId(id, HTMLAnchorElement);
  link.hidden = !image;
  if (image) link.href = imageUrl(image.id, view);
}

/** @param {KeyboardEvent} event */
function step(event) {
  if (closest(event, 'dialog')) return;
  const command = { Delete: exclude, Backspace: undo }[event.key];
  if (command && !event.repeat && !closest(event, 'input')) {
    event.preventDefault();
    return command();
  }
  if (event.key === '/' && !closest(event, 'input')) {
    event.preventDefault();
    return picture.toggle();
  }
  if (event.key === 'Enter' && event.shiftKey && !closest(event, 'input, a, summary, button')) return byId('next').hidden || byId('next').click();
  const link = { ArrowLeft: byId('previous'), ArrowRight: byId('next'), Escape: byId('back') }[event.key];
  if (!link || link.hidden || event.ctrlKey || event.altKey || event.metaKey || closest(event, 'input, dialog')) return;
  event.preventDefault();
  link.click();
}

async function load() {
  byId('back', HTMLAnchorElement).href = browseUrl(view);
  try {
    schema = (await call('GET', 'schema')).attributes;
    /** @type {ImageDetail} */
    const image = await call('GET', `images/${number}`);
    show(image);
    offerErasure(image);
    byId('message').textContent = '';
    document.documentElement.dataset.state = 'ready';
    await offerNeighbours(image.name);
  } catch (error) {
    byId('error').textContent = messageOf(error);
    byId('message').textContent = '';
  }
}

byId('undo').addEventListener('click', undo);
byId('exclude-image').addEventListener('click', exclude);
byId('restore').addEventListener('click', () => change('exclusions/restore', { image_ids: [number] }, 'Restored.'));
byId('gold').addEventListener('click', toggleGold);
onSubmit(byId('flag', HTMLFormElement), raise);
document.addEventListener('keydown', step);
byId('adjudicate', HTMLInputElement).checked = kept.get('adjudicate') === true;
byId('adjudicate').addEventListener('change', () => kept.set('adjudicate', byId('adjudicate', HTMLInputElement).checked));
load();
