/** One image with everything that was said about it; corrections from here. */
import { call } from '../lib/api.js';
import { cellNode, flagNodes } from './cells.js';
import { element, onSubmit } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
import { runExclusive } from '../lib/busy.js';
import { filtersOf, readImages } from './image_query.js';

const at = (id) => document.getElementById(id);
const number = Number(at('main').dataset.number);
const filters = filtersOf(location.search);
const corrections = []; // keys of this visit, the newest last
let schema = [];

function fact(term, ...said) {
  return [element('dt', {}, term), element('dd', {}, ...said)];
}

function facts(image) {
  const link = (filter, text) => element('a', { href: `/browse?${new URLSearchParams({ [filter]: text })}`, title: text }, text);
  const state = [image.done ? 'done' : 'open', image.blind && 'suggestions are held back until it is done'].filter(Boolean).join(' · ');
  return [...fact('Split', link('split', image.split), ` · ${state}`), ...fact('Group', link('group', image.group)),
    ...fact('Imported', link('source', image.source), ` · ${image.original_path} · ${image.width} × ${image.height}`)];
}

function show(image) {
  const opened = new Set([...document.querySelectorAll('.history[open]')].map((node) => node.closest('.cell').dataset.attribute));
  document.title = `${image.name} · ${document.title.split(' · ').slice(1).join(' · ')}`;
  at('name').textContent = image.name;
  if (at('picture').getAttribute('src') !== image.image_url) at('picture').src = image.image_url;
  at('picture').alt = image.name;
  at('facts').replaceChildren(...facts(image));
  at('flags').replaceChildren(...flagNodes(image.flags, resolve));
  const cells = new Map(image.cells.map((cell) => [cell.attribute, cell]));
  at('cells').replaceChildren(...schema.filter(({ name }) => cells.has(name)).map((attribute) => {
    const node = cellNode(attribute, cells.get(attribute.name), { onanswer: correct });
    if (opened.has(attribute.name)) node.querySelector('.history')?.setAttribute('open', '');
    return node;
  }));
  at('undo').hidden = corrections.length === 0;
  at('gold').hidden = image.gold === null || (!image.gold && !image.cells.some(({ label }) => label?.origin === 'review'));
  at('gold').setAttribute('aria-pressed', String(image.gold));
  at('gold').textContent = image.gold ? '★ Gold: labellers are measured by it' : '☆ Make gold';
}

function toggleGold() {
  const gold = at('gold').getAttribute('aria-pressed') !== 'true';
  runExclusive(async () => show((await postOnce(`images/${number}/gold`, { gold })).answer), gold ? 'Gold: what was adjudicated is now a known answer.' : 'Gold no longer.');
}

function correct(attribute, value) {
  runExclusive(async () => {
    const body = { values: { [attribute]: value }, adjudicate: at('adjudicate').checked };
    const { key, answer } = await postOnce(`images/${number}/corrections`, body);
    corrections.push(key);
    show(answer.image);
    document.querySelector(`[data-attribute="${attribute}"] [aria-pressed=true]`)?.focus();
  }, 'Saved.');
}

function undo() {
  runExclusive(async () => {
    const { answer } = await postOnce(`images/${number}/corrections/undo`, { submission: corrections.at(-1) });
    corrections.pop();
    show(answer.image);
  }, 'Taken back.');
}

function resolve(flag) {
  runExclusive(async () => {
    await postOnce(`flags/${flag}/resolve`, {});
    show(await call('GET', `images/${number}`));
  }, 'Resolved.');
}

function raise(event) {
  runExclusive(async () => {
    await postOnce('flags', { image_id: number, note: at('note').value });
    event.target.reset();
    show(await call('GET', `images/${number}`));
  }, 'Flagged.');
}

async function offerNeighbours(name) {
  const [before, after] = await Promise.all([readImages(filters, { before: name }, 1), readImages(filters, { after: name }, 1)]);
  for (const [id, [image]] of [['previous', before.images], ['next', after.images]]) {
    at(id).hidden = !image;
    if (image) at(id).href = `/browse/${image.id}?${filters}`;
  }
}

function step(event) {
  const link = { ArrowLeft: at('previous'), ArrowRight: at('next'), Escape: at('back') }[event.key];
  if (!link || link.hidden || event.ctrlKey || event.altKey || event.metaKey || event.target.matches('input')) return;
  event.preventDefault();
  link.click();
}

async function load() {
  at('back').href = filters.size > 0 ? `/browse?${filters}` : '/browse';
  try {
    schema = (await call('GET', 'schema')).attributes;
    const image = await call('GET', `images/${number}`);
    show(image);
    at('message').textContent = '';
    document.documentElement.dataset.state = 'ready';
    await offerNeighbours(image.name);
  } catch (error) {
    at('error').textContent = error.message;
    at('message').textContent = '';
  }
}

at('undo').addEventListener('click', undo);
at('gold').addEventListener('click', toggleGold);
onSubmit(at('flag'), raise);
document.addEventListener('keydown', step);
load();
