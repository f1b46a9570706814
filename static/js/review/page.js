/** The review page: images that need a decision, one after the other, decided by keys. */
import { call } from '../lib/api.js';
import { busy, runExclusive } from '../lib/busy.js';
import { byId, closest, element, find, findAll } from '../lib/dom.js';
import { ExcludeDialog } from '../lib/exclude/dialog.js';
import { commandOf, typedCode } from '../lib/keys.js';
import { postOnce } from '../lib/retry.js';
import { imageUrl } from '../lib/urls.js';
import { answerText, cellNode, choices, flagNodes } from './cells.js';
import { ReviewPicture } from './picture.js';
/** @import { Answer, Attribute, Cell, ImageCard, ImageDetail } from '../types' */

/** @typedef {'flags'|'opinions'|'undecided'|'model'} Kind the queue */

/** Which cells of an image the reviewer decides. @type {Record<Kind, (cell: Cell) => boolean>} */
const WANTS = { flags: () => true, opinions: (cell) => cell.differing, undecided: (cell) => cell.undecided, model: (cell) => cell.contradicted };
/** @type {Record<Kind, string>} */
const EMPTY = { flags: 'No open flags.', opinions: 'No differing opinions.', undecided: 'The last aggregation (Team page) left nothing undecided.', model: 'No label is probably wrong, and the model disagrees with no label at 90 % or more.' };
const KINDS = /** @type {Kind[]} */ (Object.keys(WANTS));
const kind = KINDS.find((name) => name === new URLSearchParams(location.search).get('kind')) ?? 'flags';
const picture = new ReviewPicture();
const exclusion = new ExcludeDialog(byId('exclude', HTMLDialogElement));

/** @type {Attribute[]} */
let schema = [];
/** @type {Pick<ImageCard, 'id'>[]} */
let waiting = []; // images of the queue that were not shown yet
/** @type {?string} */
let place = null; // the name after which the queue goes on
let more = true;
/** @type {?ImageDetail} */
let image = null;
/** @type {string[]} */
let asked = []; // names of the cells on the screen
let current = 0;
let typed = '';
/** @type {{image: number, key: string, excluded?: boolean}[]} */
const decisions = []; // of this visit

async function refill() {
  while (waiting.length === 0 && more) {
    const query = new URLSearchParams({ kind, ...(place === null ? {} : { after: place }) });
    /** @type {{images: ImageCard[], next: ?string}} */
    const page = await call('GET', `review?${query}`);
    waiting = page.images;
    place = page.next;
    more = page.next !== null;
  }
}

/** @param {string} name */
const attributeOf = (name) => schema.find((attribute) => attribute.name === name);

/**
 * @param {?ImageDetail} found
 * @param {string} [name]
 */
const cellOf = (found, name) => found?.cells.find((cell) => cell.attribute === name);

/** @param {ImageDetail} found */
const openFlags = (found) => found.flags.filter((flag) => flag.resolved_at === null);

/**
 * Whether an image still needs a decision.
 *
 * @param {ImageDetail} found
 * @param {Cell[]} [cells] those that are asked
 */
function isOpen(found, cells = found.cells) {
  return kind === 'flags' ? openFlags(found).length > 0 : cells.some(WANTS[kind]);
}

/** The cell that is marked, with its attribute. */
function marked() {
  const attribute = attributeOf(asked[current]);
  const cell = cellOf(image, asked[current]);
  return attribute && cell ? { attribute, cell } : null;
}

function render() {
  byId('sides').hidden = image === null;
  byId('empty').hidden = image !== null;
  document.documentElement.dataset.imageId = String(image?.id ?? '');
  if (image === null) {
    byId('empty').textContent = `${EMPTY[kind]} ${decisions.length > 0 ? 'You have reviewed everything.' : ''}`;
    return;
  }
  picture.show(image);
  const link = byId('name', HTMLAnchorElement);
  link.textContent = image.name;
  link.href = imageUrl(image.id);
  byId('facts').textContent = [image.split, image.done ? 'done' : 'open', image.blind && 'suggestions hidden'].filter(Boolean).join(' · ');
  byId('flags').replaceChildren(...flagNodes(image.flags, resolve));
  const nodes = asked.flatMap((name) => {
    const [attribute, cell] = [attributeOf(name), cellOf(image, name)];
    return attribute && cell ? [cellNode(attribute, cell, { onanswer: decide, wide: kind !== 'flags' })] : [];
  });
  byId('cells').replaceChildren(...nodes, others(image));
  byId('resolve').hidden = openFlags(image).length === 0;
  byId('undo', HTMLButtonElement).disabled = decisions.length === 0;
  mark(current);
}

/**
 * The labels of the cells that are not asked, in one line.
 *
 * @param {ImageDetail} found
 */
function others({ cells }) {
  const labels = cells.flatMap(({ attribute, label }) => {
    const title = attributeOf(attribute)?.title;
    return label && title && !asked.includes(attribute) ? [{ title, label }] : [];
  });
  return element('p', { class: 'others' }, ...labels.flatMap(({ title, label }, index) => [
    index > 0 ? ' · ' : '', `${title} `, element('b', {}, answerText(label))]));
}

/** @param {number} index */
function mark(index) {
  current = Math.max(0, Math.min(index, asked.length - 1));
  typed = '';
  const nodes = findAll(byId('cells'), '.cell');
  nodes.forEach((node, position) => {
    if (position === current) node.setAttribute('aria-current', 'true');
    else node.removeAttribute('aria-current');
  });
  nodes[current]?.scrollIntoView({ block: 'nearest' });
}

/**
 * Show an image with the cells to decide; the first of them is marked.
 *
 * @param {ImageDetail} found
 */
function show(found) {
  image = found;
  asked = found.cells.filter(WANTS[kind]).map((cell) => cell.attribute).filter(attributeOf);
  current = 0;
  render();
}

async function next() {
  for (;;) {
    await refill();
    const card = waiting.shift();
    if (!card) {
      image = null;
      render();
      return;
    }
    /** @type {ImageDetail} */
    const found = await call('GET', `images/${card.id}`);
    if (isOpen(found) && !found.excluded) { // somebody may have decided or excluded it since the queue was read
      show(found);
      return;
    }
  }
}

/**
 * Adjudicate a cell; the next one is asked, and after the last one the next image.
 *
 * @param {string} name
 * @param {Answer} value
 */
function decide(name, value) {
  runExclusive(async () => {
    if (image === null) return;
    const { key, answer } = await postOnce(`images/${image.id}/corrections`, { values: { [name]: value }, adjudicate: true });
    decisions.push({ image: image.id, key });
    /** @type {ImageDetail} */
    const decided = answer.image;
    image = decided;
    current = asked.indexOf(name) + 1;
    const left = asked.findIndex((other, index) => index >= current && cellOf(decided, other)?.label?.origin !== 'review');
    if (!isOpen(decided, decided.cells.filter(({ attribute }) => asked.includes(attribute)))) await next();
    else {
      if (left >= 0) current = left;
      render();
    }
  }, 'Decided.');
}

function confirm() {
  const label = marked()?.cell.label;
  if (label) decide(asked[current], label.code);
}

/** @param {number} [flag] the first open one by default */
function resolve(flag = image === null ? undefined : openFlags(image)[0]?.id) {
  if (flag === undefined) return;
  runExclusive(async () => {
    if (image === null) return;
    await postOnce(`flags/${flag}/resolve`, {});
    /** @type {ImageDetail} */
    const found = await call('GET', `images/${image.id}`);
    image = found;
    if (kind === 'flags' && openFlags(found).length === 0) await next();
    else render();
  }, 'Resolved.');
}

function undo() {
  const last = decisions.at(-1);
  if (!last) return;
  runExclusive(async () => {
    const path = last.excluded ? 'exclusions/undo' : `images/${last.image}/corrections/undo`;
    const { answer } = await postOnce(path, { submission: last.key });
    decisions.pop();
    if (image !== null && image.id !== last.image) waiting.unshift({ id: image.id });
    show(answer.image ?? await call('GET', `images/${last.image}`));
  }, 'Undone.');
}

/** Delete: the image shall not count; the next one is shown. */
async function exclude() {
  const chosen = image;
  const reasoned = chosen && await exclusion.ask(chosen.name);
  if (!reasoned || image !== chosen) return;
  runExclusive(async () => {
    const { key } = await postOnce('exclusions', { image_ids: [chosen.id], ...reasoned });
    decisions.push({ image: chosen.id, key, excluded: true });
    await next();
  }, `${chosen.name} is excluded.`);
}

/** @param {string} key */
function digit(key) {
  const asking = marked();
  if (!asking) return;
  const values = choices(asking.attribute, asking.cell);
  typed += key;
  const progress = typedCode(typed, values) ?? typedCode(typed = key, values);
  if (progress === null) typed = '';
  else if (!progress.more) decide(asking.attribute.name, progress.code);
  else byId('message').textContent = `${typed}_`;
}

/** Enter: take the half-typed number, or else confirm the label. */
function accept() {
  const asking = marked();
  const code = typed && asking ? typedCode(typed, choices(asking.attribute, asking.cell))?.code ?? null : null;
  if (asking && code !== null) decide(asking.attribute.name, code);
  else confirm();
}

function unsure() {
  if (marked()) decide(asked[current], null);
}

/** What each key does. @type {Record<string, (argument?: any) => void>} */
const COMMANDS = {
  accept,
  unsure,
  undo,
  exclude,
  digit,
  head: () => picture.toggle(),
  leave: () => mark(current),
  skip: () => runExclusive(next),
  step: (by) => mark(current + by),
  letter: (letter) => {
    if (letter === 'n') runExclusive(next);
    else if (letter === 'r') resolve();
  },
};

/** @param {KeyboardEvent} event */
function press(event) {
  if (closest(event, 'input, select, dialog') || (['Enter', ' '].includes(event.key) && closest(event, 'a, summary, button'))) return;
  const [name, argument] = commandOf(event) ?? [];
  const command = name && COMMANDS[name];
  if (!command || (event.repeat && name !== 'step')) return;
  event.preventDefault();
  if (!busy()) command(argument);
}

async function load() {
  find(document, `.tabs [data-kind=${kind}]`).setAttribute('aria-current', 'page');
  await runExclusive(async () => {
    schema = (await call('GET', 'schema')).attributes;
    await next();
  });
}

byId('confirm').addEventListener('click', confirm);
byId('resolve').addEventListener('click', () => resolve());
byId('later').addEventListener('click', () => runExclusive(next));
byId('undo').addEventListener('click', undo);
byId('exclude-image').addEventListener('click', exclude);
document.addEventListener('keydown', press);
load();
