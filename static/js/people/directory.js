/** The list of people: found by name, one of them in full, renamed or merged with another one. */
import { ApiError, call } from '../lib/api.js';
import { count, element, moment, onSubmit } from '../lib/dom.js';
import { identityOf, thumbnail } from './suggestions.js';
import { postOnce } from '../lib/retry.js';

const at = (id) => document.getElementById(id);
const LIMIT = 60;
const PAUSE = 150; // milliseconds without a key until the list is searched
let chosen = null; // the person in full
let other = null; // whom they are merged into
let next = null; // the name after which the list goes on
let asked = 0; // number of the last search: answers to earlier ones come too late
const changes = []; // keys of this visit's renames and merges, for undo

function say(text) {
  at('message').textContent = text;
}

/** Do something that asks the server; tell what went wrong. */
async function attempt(work) {
  say('');
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(error.message);
  }
}

function item(person, onclick, pressed = false) {
  return element('li', {}, element('button', { type: 'button', class: 'person', title: person.name, 'data-code': person.code,
    'aria-current': pressed ? 'true' : null, onclick }, ...identityOf(person)));
}

async function search(more = false) {
  asked += 1;
  const number = asked;
  const query = new URLSearchParams({ limit: LIMIT, search: at('search').value.trim(), ...(more ? { after: next } : {}) });
  const found = await call('GET', `people?${query}`);
  if (number !== asked) return;
  next = found.next;
  const items = found.people.map((person) => item(person, () => attempt(() => choose(person.code)), person.code === chosen?.code));
  if (more) at('people').append(...items);
  else at('people').replaceChildren(...items);
  at('more').hidden = next === null;
  at('none').hidden = at('people').childElementCount > 0;
  document.documentElement.dataset.state = 'ready';
}

async function choose(code) {
  chosen = await call('GET', `people/${code}`);
  for (const button of at('people').querySelectorAll('button')) {
    if (Number(button.dataset.code) === code) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
  history.replaceState(null, '', `#${code}`);
  render();
}

function gallery(person) {
  return person.faces.map((face) => element('a', { href: `/browse/${face.image_id}`, title: face.image_name, 'aria-label': face.image_name }, thumbnail(face)));
}

function render() {
  at('person').hidden = chosen === null;
  at('hint').hidden = chosen !== null;
  if (chosen === null) return;
  at('person-name').textContent = chosen.name;
  at('person-images').textContent = `${count(chosen.images, 'image')}, code ${chosen.code}`;
  at('browse').href = `/browse?attribute=${at('person').dataset.attribute}&value=${chosen.code}`;
  at('gallery').replaceChildren(...gallery(chosen));
  at('new-name').value = chosen.name;
  at('resembling').replaceChildren(...chosen.resembling.map((person) => item(person, () => attempt(() => preview(person.code)))));
  at('changes').replaceChildren(...chosen.history.map(changed));
  at('unchanged').hidden = chosen.history.length > 0;
}

function changed({ code, before, after, into, labeller, created_at: when, undone }) {
  const what = into === null ? `renamed from ${before} to ${after}` : code === chosen.code ? `merged into ${after}` : `${before} was merged into this person`;
  return element('li', { 'data-undone': String(undone) }, `${what} – ${labeller}, `, moment(when), undone ? ' (taken back)' : '');
}

/** Both people side by side. */
async function preview(code) {
  other = await call('GET', `people/${code}`);
  for (const [side, person] of [['from', chosen], ['into', other]]) {
    at(`${side}-name`).textContent = person.name;
    at(`${side}-images`).textContent = count(person.images, 'image');
    at(`${side}-gallery`).replaceChildren(...gallery(person));
  }
  at('merge-text').textContent = `Yes, one person: ${other.name}`;
  if (!at('merge').open) at('merge').showModal();
}

async function change(path, body, code) {
  const { key } = await postOnce(path, body);
  changes.push(key);
  at('undo').disabled = false;
  await choose(code);
  await search();
}

async function merge() {
  at('merge').close();
  await change('people/merge', { code: chosen.code, into: other.code }, other.code);
  say(`${chosen.name} has ${count(chosen.images, 'image')} now. U parts them again.`);
}

/** The other way round: the second person goes into the first one. */
async function turn() {
  [chosen, other] = [other, chosen];
  render();
  await preview(other.code);
}

async function undo() {
  if (changes.length === 0) return;
  await postOnce('people/undo', { submission: changes.at(-1) });
  changes.pop();
  at('undo').disabled = changes.length === 0;
  await search();
  if (chosen) await choose(chosen.code);
  say('Taken back.');
}

async function findOther() {
  const text = at('other').value.trim();
  if (!text) return;
  const { people } = await call('GET', `people?${new URLSearchParams({ search: text, limit: 8 })}`);
  const found = people.filter(({ code }) => code !== chosen.code);
  if (found.length === 0) say(`Nobody else has a name with “${text}” in it.`);
  at('resembling').replaceChildren(...found.map((person) => item(person, () => attempt(() => preview(person.code)))));
  at('resembling').querySelector('button')?.focus();
}

/** ↑ ↓ go through the list. */
function walk(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  const buttons = [...at('people').querySelectorAll('button')];
  const to = buttons.indexOf(document.activeElement) + by;
  if (to < 0) at('search').focus();
  else buttons[Math.min(to, buttons.length - 1)]?.focus();
  event.preventDefault();
}

let timer = null;
at('search').addEventListener('input', () => {
  clearTimeout(timer);
  timer = setTimeout(() => attempt(search), PAUSE);
});
at('find').addEventListener('keydown', walk);
onSubmit(at('find'), () => {});
at('more').addEventListener('click', () => attempt(() => search(true)));
onSubmit(at('rename'), () => {
  attempt(() => change('people/rename', { code: chosen.code, name: at('new-name').value }, chosen.code));
});
onSubmit(at('merge-with'), () => {
  attempt(findOther);
});
at('merge-yes').addEventListener('click', () => attempt(merge));
at('merge-turn').addEventListener('click', () => attempt(turn));
at('merge-no').addEventListener('click', () => at('merge').close());
at('undo').addEventListener('click', () => attempt(undo));
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, dialog')) return;
  if (event.key === '/') at('search').focus();
  else if (event.key === 'u' || event.key === 'Backspace') attempt(undo);
  else return;
  event.preventDefault();
});

await attempt(search);
const code = Number(location.hash.slice(1));
if (location.hash && Number.isInteger(code)) await attempt(() => choose(code));
