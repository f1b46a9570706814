/** The review page: what wants a reviewer, one image after the other, decided by keys. */
import { call } from '../lib/api.js';
import { answerText, cellNode, choices, flagNodes } from './cells.js';
import { element } from '../lib/dom.js';
import { commandOf, typedCode } from '../lib/keys.js';
import { postOnce } from '../lib/retry.js';
import { busy, runExclusive } from '../lib/busy.js';

const at = (id) => document.getElementById(id);
const kind = ['flags', 'opinions', 'undecided', 'model'].find((name) => name === new URLSearchParams(location.search).get('kind')) ?? 'flags';
const WANTS = { flags: () => true, opinions: (cell) => cell.differing, undecided: (cell) => cell.undecided, model: (cell) => cell.contradicted };
const EMPTY = { flags: 'No flag is open.', opinions: 'No opinions differ.', undecided: 'The last aggregation (team page) left nothing undecided.', model: 'No label is suspected to be wrong, or contradicted by the model with 90 % or more.' };

let schema = [];
let waiting = []; // images of the queue that were not shown yet
let place = null; // the name after which the queue goes on
let more = true;
let image = null;
let asked = []; // names of the cells on the screen
let current = 0;
let typed = '';
const decisions = []; // {image, key} of this visit

async function refill() {
  while (waiting.length === 0 && more) {
    const query = new URLSearchParams({ kind, ...(place === null ? {} : { after: place }) });
    const page = await call('GET', `review?${query}`);
    waiting = page.images;
    place = page.next;
    more = page.next !== null;
  }
}

const cellOf = (name) => image.cells.find((cell) => cell.attribute === name);
const attributeOf = (name) => schema.find((attribute) => attribute.name === name);
const openFlags = () => image.flags.filter((flag) => flag.resolved_at === null);

function render() {
  at('sides').hidden = image === null;
  at('empty').hidden = image !== null;
  document.documentElement.dataset.imageId = image?.id ?? '';
  if (image === null) {
    at('empty').textContent = `${EMPTY[kind]} ${decisions.length > 0 ? 'You are through.' : ''}`;
    return;
  }
  if (at('picture').getAttribute('src') !== image.image_url) at('picture').src = image.image_url;
  at('picture').alt = image.name;
  at('name').textContent = image.name;
  at('name').href = `/browse/${image.id}`;
  at('facts').textContent = [image.split, image.done ? 'done' : 'open', image.blind && 'suggestions held back'].filter(Boolean).join(' · ');
  at('flags').replaceChildren(...flagNodes(image.flags, resolve));
  at('cells').replaceChildren(...asked.map((name) => cellNode(attributeOf(name), cellOf(name), { onanswer: decide, wide: kind !== 'flags' })));
  at('cells').append(others());
  at('resolve').hidden = openFlags().length === 0;
  at('undo').disabled = decisions.length === 0;
  mark(current);
}

/** The labels of the cells that are not asked, in one line. */
function others() {
  const told = image.cells.filter(({ attribute, label }) => label && attributeOf(attribute) && !asked.includes(attribute));
  return element('p', { class: 'others' }, ...told.flatMap(({ attribute, label }, index) => [
    index > 0 ? ' · ' : '', `${attributeOf(attribute).title} `, element('b', {}, answerText(label))]));
}

function mark(index) {
  current = Math.max(0, Math.min(index, asked.length - 1));
  typed = '';
  const nodes = at('cells').querySelectorAll('.cell');
  nodes.forEach((node, position) => {
    if (position === current) node.setAttribute('aria-current', 'true');
    else node.removeAttribute('aria-current');
  });
  nodes[current]?.scrollIntoView({ block: 'nearest' });
}

/** Show an image; what wants a decision is asked, the first of it is marked. */
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
    const found = await call('GET', `images/${card.id}`);
    // Somebody may have decided it since the queue was read.
    const wanted = kind === 'flags' ? found.flags.some((flag) => flag.resolved_at === null) : found.cells.some(WANTS[kind]);
    if (wanted) {
      show(found);
      return;
    }
  }
}

/** Adjudicate a cell; the next one is asked, and after the last one the next image. */
function decide(name, value) {
  runExclusive(async () => {
    const { key, answer } = await postOnce(`images/${image.id}/corrections`, { values: { [name]: value }, adjudicate: true });
    decisions.push({ image: image.id, key });
    image = answer.image;
    current = asked.indexOf(name) + 1;
    const left = asked.findIndex((other, index) => index >= current && cellOf(other).label?.origin !== 'review');
    const open = kind === 'flags' ? openFlags().length > 0 : asked.some((other) => WANTS[kind](cellOf(other)));
    if (!open) await next();
    else {
      if (left >= 0) current = left;
      render();
    }
  }, 'Decided.');
}

function confirm() {
  const cell = asked[current] && cellOf(asked[current]);
  if (cell?.label) decide(cell.attribute, cell.label.code);
}

function resolve(flag = openFlags()[0]?.id) {
  if (flag === undefined) return;
  runExclusive(async () => {
    await postOnce(`flags/${flag}/resolve`, {});
    const found = await call('GET', `images/${image.id}`);
    image = found;
    if (kind === 'flags' && openFlags().length === 0) await next();
    else render();
  }, 'Resolved.');
}

function undo() {
  const last = decisions.at(-1);
  if (!last) return;
  runExclusive(async () => {
    const { answer } = await postOnce(`images/${last.image}/corrections/undo`, { submission: last.key });
    decisions.pop();
    if (image !== null && image.id !== last.image) waiting.unshift({ id: image.id });
    show(answer.image);
  }, 'Taken back.');
}

function digit(key) {
  const attribute = attributeOf(asked[current]);
  if (!attribute) return;
  const values = choices(attribute, cellOf(attribute.name));
  typed += key;
  const found = typedCode(typed, values) ?? typedCode(typed = key, values);
  if (found === null) typed = '';
  else if (!found.more) decide(attribute.name, found.code);
  else at('message').textContent = `${typed}_`;
}

function press(event) {
  if (event.target.matches('input, select') || (event.key === 'Enter' && event.target.matches('a, summary, button'))) return;
  const [command, argument] = commandOf(event) ?? [];
  const cell = asked[current] && image && cellOf(asked[current]);
  const half = typed && cell ? typedCode(typed, choices(attributeOf(asked[current]), cell))?.code : null;
  const done = {
    accept: () => (half !== null && half !== undefined ? decide(cell.attribute, half) : confirm()),
    unsure: () => cell && decide(cell.attribute, null),
    undo, leave: () => mark(current),
    step: () => mark(current + argument),
    digit: () => image && digit(argument),
    letter: () => ({ n: () => runExclusive(next), r: () => image && resolve() })[argument]?.(),
  }[command];
  if (!done || event.repeat && command !== 'step') return;
  event.preventDefault();
  if (!busy()) done();
}

async function load() {
  document.querySelector(`.tabs [data-kind=${kind}]`).setAttribute('aria-current', 'page');
  await runExclusive(async () => {
    schema = (await call('GET', 'schema')).attributes;
    await next();
  });
}

at('confirm').addEventListener('click', confirm);
at('resolve').addEventListener('click', () => resolve());
at('later').addEventListener('click', () => runExclusive(next));
at('undo').addEventListener('click', undo);
document.addEventListener('keydown', press);
load();
