/** The list of people: found by name, one of them in full, renamed or merged with another one. */
import { asApiError, call } from '../lib/api.js';
import { byId, closest, count, element, findAll, focused, labellerName, moment, onSubmit } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
import { browseUrl, imageUrl } from '../lib/urls.js';
import { chosenImages, pickable, showNamings } from './corrections.js';
import { identityOf, thumbnail } from './suggestions.js';
/** @import { Person, PersonChange, PersonDetail, ResemblingPerson } from '../types' */

const LIMIT = 60;
const PAUSE = 150; // milliseconds without a key until the list is searched
const people = byId('people');
const searchField = byId('search', HTMLInputElement);
const otherField = byId('other', HTMLInputElement);
const undoButton = byId('undo', HTMLButtonElement);
const mergeDialog = byId('merge', HTMLDialogElement);
/** @type {?PersonDetail} */
let chosen = null; // the person in full
/** @type {?PersonDetail} */
let other = null; // whom they are merged into
/** @type {?string} */
let next = null; // the name after which the list goes on
let asked = 0; // number of the last search: answers to earlier ones come too late
/** @type {{key: string, path: string}[]} */
const changes = []; // of this visit: the key, and where it is undone

/** @param {string} text */
function say(text) {
  byId('message').textContent = text;
}

/**
 * Do something that asks the server; tell what went wrong.
 *
 * @param {() => Promise<void>} work
 */
async function attempt(work) {
  say('');
  try {
    await work();
  } catch (error) {
    say(asApiError(error).message);
  }
}

/**
 * @param {Person|ResemblingPerson} person
 * @param {() => void} onclick
 * @param {boolean} [pressed]
 */
function item(person, onclick, pressed = false) {
  return element('li', {}, element('button', { type: 'button', class: 'person', title: person.name, 'data-code': person.code,
    'aria-current': pressed ? 'true' : null, onclick }, ...identityOf(person)));
}

async function search(more = false) {
  asked += 1;
  const number = asked;
  const query = new URLSearchParams({ limit: String(LIMIT), search: searchField.value.trim(), ...(more && next !== null ? { after: next } : {}) });
  /** @type {{people: Person[], next: ?string}} */
  const page = await call('GET', `people?${query}`);
  if (number !== asked) return;
  next = page.next;
  const items = page.people.map((person) => item(person, () => attempt(() => choose(person.code)), person.code === chosen?.code));
  if (more) people.append(...items);
  else people.replaceChildren(...items);
  byId('more').hidden = next === null;
  byId('none').hidden = people.childElementCount > 0;
  document.documentElement.dataset.state = 'ready';
}

/** @param {number} code */
async function choose(code) {
  chosen = await call('GET', `people/${code}`);
  for (const button of findAll(people, 'button')) {
    if (Number(button.dataset.code) === code) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
  history.replaceState(null, '', `#${code}`);
  render();
}

/** @param {PersonDetail} person */
function gallery(person) {
  return person.faces.map((face) => element('a', { href: imageUrl(face.image_id), title: face.image_name, 'aria-label': face.image_name }, thumbnail(face)));
}

function render() {
  byId('person').hidden = chosen === null;
  byId('hint').hidden = chosen !== null;
  if (chosen === null) return;
  const person = chosen;
  byId('person-name').textContent = person.name;
  const eraseButton = document.getElementById('erase-open'); // only those who may forget people have it
  if (eraseButton) Object.assign(eraseButton.dataset, { title: `Forget ${person.name}?`, person: String(person.code), next: location.pathname });
  byId('person-images').textContent = count(person.images, 'image');
  byId('browse', HTMLAnchorElement).href = browseUrl(new URLSearchParams({ attribute: byId('person').dataset.attribute ?? '', value: String(person.code) }));
  byId('gallery').replaceChildren(...pickable(person));
  byId('new-name', HTMLInputElement).value = person.name;
  offerMerges(person.resembling);
  byId('changes').replaceChildren(...person.history.map((entry) => changeLine(person, entry)));
  byId('unchanged').hidden = person.history.length > 0;
}

/** @param {(Person|ResemblingPerson)[]} candidates whom the chosen person may be merged with */
function offerMerges(candidates) {
  byId('resembling').replaceChildren(...candidates.map((person) => item(person, () => attempt(() => preview(person.code)))));
}

/**
 * @param {PersonDetail} person
 * @param {PersonChange} change
 */
function changeLine(person, { code, before, after, into, labeller, created_at: when, undone }) {
  const what = into === null ? `renamed from ${before} to ${after}` : code === person.code ? `merged into ${after}` : `${before} was merged into this person`;
  return element('li', { 'data-undone': String(undone) }, `${what} – ${labellerName(labeller)}, `, moment(when), undone ? ' (undone)' : '');
}

/**
 * Both people side by side.
 *
 * @param {number} code of the second one
 */
async function preview(code) {
  /** @type {PersonDetail} */
  const second = await call('GET', `people/${code}`);
  other = second;
  if (chosen === null) return;
  side('from', chosen);
  side('into', second);
  byId('merge-text').textContent = `Merge into ${second.name}`;
  if (!mergeDialog.open) mergeDialog.showModal();
}

/**
 * @param {'from'|'into'} which
 * @param {PersonDetail} person
 */
function side(which, person) {
  byId(`${which}-name`).textContent = person.name;
  byId(`${which}-images`).textContent = count(person.images, 'image');
  byId(`${which}-gallery`).replaceChildren(...gallery(person));
}

/**
 * @param {string} path
 * @param {Object} body
 * @param {number} code whom to show then
 */
async function change(path, body, code) {
  const { key } = await postOnce(path, body);
  remember(key, 'people/undo');
  await choose(code);
  await search();
}

/**
 * @param {string} key of a change
 * @param {string} path where it is undone
 */
function remember(key, path) {
  changes.push({ key, path });
  undoButton.disabled = false;
}

/** @param {boolean} unname whether the chosen faces are nobody's; else they are those of the typed name */
async function split(unname) {
  if (chosen === null) return;
  const name = byId('split-name', HTMLInputElement).value.trim() || null;
  const images = chosenImages();
  await change('people/split', { code: chosen.code, images, name, unname }, chosen.code);
  byId('split-name', HTMLInputElement).value = '';
  say(`${count(images.length, 'face')} ${unname ? 'unnamed' : `of ${name ?? 'a new person'}`}. Press U to undo.`);
}

/** @param {string} submission the first set of a run of names */
async function undoRun(submission) {
  const { key, answer } = await postOnce('people/namings/undo', { submission });
  remember(key, 'people/namings/restore');
  await refresh();
  say(`${count(answer.sets, 'set')} undone. Press U to have them back.`);
}

/** Show again what a change of names may have changed. */
async function refresh() {
  await search();
  if (chosen) await choose(chosen.code);
  await showNamings((submission) => attempt(() => undoRun(submission)));
}

async function merge() {
  mergeDialog.close();
  if (chosen === null || other === null) return;
  await change('people/merge', { code: chosen.code, into: other.code }, other.code);
  say(`${chosen.name} now has ${count(chosen.images, 'image')}. Press U to undo.`);
}

/** The other way round: the second person goes into the first one. */
async function turn() {
  [chosen, other] = [other, chosen];
  render();
  if (other !== null) await preview(other.code);
}

async function undo() {
  const last = changes.at(-1);
  if (last === undefined) return;
  await postOnce(last.path, { submission: last.key });
  changes.pop();
  undoButton.disabled = changes.length === 0;
  await refresh();
  say('Undone.');
}

async function rename() {
  if (chosen) await change('people/rename', { code: chosen.code, name: byId('new-name', HTMLInputElement).value }, chosen.code);
}

async function findOther() {
  const text = otherField.value.trim();
  if (!text) return;
  /** @type {{people: Person[]}} */
  const page = await call('GET', `people?${new URLSearchParams({ search: text, limit: '8' })}`);
  const candidates = page.people.filter(({ code }) => code !== chosen?.code);
  if (candidates.length === 0) say(`No other person’s name contains “${text}”.`);
  offerMerges(candidates);
  byId('resembling').querySelector('button')?.focus();
}

/**
 * ↑ ↓ go through the list.
 *
 * @param {KeyboardEvent} event
 */
function walk(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  const buttons = findAll(people, 'button');
  const to = buttons.findIndex((button) => button === focused()) + by;
  if (to < 0) searchField.focus();
  else buttons[Math.min(to, buttons.length - 1)]?.focus();
  event.preventDefault();
}

/** @type {number|undefined} */
let timer;
searchField.addEventListener('input', () => {
  clearTimeout(timer);
  timer = setTimeout(() => attempt(search), PAUSE);
});
byId('find').addEventListener('keydown', walk);
onSubmit(byId('find', HTMLFormElement), () => {});
byId('more').addEventListener('click', () => attempt(() => search(true)));
onSubmit(byId('rename', HTMLFormElement), () => { attempt(rename); });
onSubmit(byId('merge-with', HTMLFormElement), () => { attempt(findOther); });
byId('merge-yes').addEventListener('click', () => attempt(merge));
byId('merge-turn').addEventListener('click', () => attempt(turn));
onSubmit(byId('split', HTMLFormElement), () => { attempt(() => split(false)); });
byId('unname').addEventListener('click', () => attempt(() => split(true)));
byId('merge-no').addEventListener('click', () => mergeDialog.close());
undoButton.addEventListener('click', () => attempt(undo));
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || closest(event, 'input, dialog')) return;
  if (event.key === '/') searchField.focus();
  else if (event.key === 'u' || event.key === 'Backspace') attempt(undo);
  else return;
  event.preventDefault();
});

await attempt(refresh);
const code = Number(location.hash.slice(1));
if (location.hash && Number.isInteger(code)) await attempt(() => choose(code));
