/** The part of the team page that assigns images to people: choose, preview, assign, see the progress, release. */
import { call } from '../lib/api.js';
import { runExclusive } from '../lib/busy.js';
import { byId, count, element, fieldOf, findAll, labellerName, moment, onSubmit } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
import { browseUrl } from '../lib/urls.js';
/** @import { Assignment, AssignmentPreview, PoolProgress, Team } from '../types' */

const form = byId('assignment', HTMLFormElement);
const assign = byId('assign-now');
const chosen = new URLSearchParams(location.search).get('assign'); // the filters of Browse, or null: all open images
const view = chosen ? new URLSearchParams(chosen) : null;
/** @type {Map<number, string>} */
let names = new Map();
/** @type {Map<string, string>} */
let titles = new Map(); // of the attributes, by name

/** @param {Record<string, string>|URLSearchParams|null} filters */
function imagesOf(filters) {
  if (filters === null) return ['All open images'];
  const query = new URLSearchParams(filters);
  const parts = [...query].map(([name, value]) => `${name.replace('_', ' ')} ${titles.get(value) ?? value}`);
  return ['Open images of the view ', element('a', { href: browseUrl(query) }, parts.join(', ') || 'of all images')];
}

/** What is asked for, as the API takes it. */
function wanted() {
  const people = findAll(form, '[data-person]').flatMap((row) => {
    const [named, percent] = /** @type {HTMLInputElement[]} */ (findAll(row, 'input'));
    return named.checked ? [{ labeller: Number(row.dataset.person), share: percent.value === '' ? null : Number(percent.value) / 100 }] : [];
  });
  const inShares = people.length > 0 && people.every(({ share }) => share !== null);
  return { people, view: view && Object.fromEntries(view), covers_new: view === null && inShares && fieldOf(form, 'covers_new').checked };
}

/** @param {AssignmentPreview} effect */
function inWords({ images, groups, rest, assigned, overlapped, opinions, lacking, parts }) {
  const who = (/** @type {number[]} */ people) => people.map((id) => names.get(id) ?? '').join(' or ');
  const shares = parts.map(({ people, images: own, held }) => `${who(people)}: ${count(own, 'image')}${held > 0 ? `, of which others are labelling ${held.toLocaleString('en')} now and keep them` : ''}`);
  const sentences = [`${shares.join('; ')}. ${images === 1 ? 'It is' : 'They are'} in ${count(groups, 'group')}, which stay together.`];
  if (rest > 0) sentences.push(`${count(rest, 'image')} for everybody.`);
  if (assigned > 0) sentences.push(`${count(assigned, 'image')} assigned already; release ${assigned === 1 ? 'it' : 'them'} first if you want to share ${assigned === 1 ? 'it' : 'them'} out anew.`);
  if (lacking) sentences.push(`${count(overlapped, 'image')} among them need answers from ${opinions} people, and fewer are named: the further answers come from anybody.`);
  return sentences.join(' ');
}

function preview() {
  assign.hidden = true;
  runExclusive(async () => {
    /** @type {AssignmentPreview} */
    const effect = await call('POST', 'team/assignments/preview', wanted());
    byId('assignment-effect').textContent = effect.images === 0 ? 'There is no open image that is not assigned already.' : inWords(effect);
    assign.hidden = effect.images === 0;
  });
}

function make() {
  runExclusive(async () => {
    const { answer } = await postOnce('team/assignments', wanted());
    assign.hidden = true;
    byId('assignment-effect').textContent = '';
    form.reset();
    list(answer.assignments);
    byId('assign-title').focus();
  }, 'The images are assigned.');
}

/** @param {number} id */
function release(id) {
  runExclusive(async () => {
    list((await call('POST', `team/assignments/${id}/release`, {})).assignments);
    byId('assign-title').focus();
  }, 'Released: everybody gets the open images again.');
}

/** @param {PoolProgress} part */
function progressOf({ names: people, images, done, absent }) {
  const who = people.map((name) => labellerName(name)).join(' or ');
  return element('li', { 'data-people': people.join(' ') }, element('span', {}, who), element('progress', { max: Math.max(1, images), value: done ?? 0, 'aria-label': `Images of ${who} that are done` }),
    element('span', {}, `${(done ?? 0).toLocaleString('en')} of ${images.toLocaleString('en')}`), absent ? element('small', { class: 'muted' }, 'nobody of them can log in any more: everybody gets the rest') : '');
}

/** @param {Assignment} assignment */
function listed({ id, state, by, created_at, view: filters, covers_new: coversNew, parts }) {
  const active = state === 'active';
  const facts = [...imagesOf(filters), coversNew ? ' and those imported later' : '', '. ', `Assigned by ${labellerName(by, 'you')}, `, moment(created_at), '. '];
  return element('li', { 'data-assignment': id, 'data-state': state }, element('p', {}, ...facts,
    active ? element('button', { type: 'button', onclick: () => release(id) }, 'Release') : element('span', { class: 'muted' }, 'Released.')),
  active ? element('ul', { class: 'pools' }, ...parts.map(progressOf)) : '');
}

/** @param {Assignment[]} assignments */
function list(assignments) {
  byId('assignments').replaceChildren(...assignments.map(listed));
}

/** @param {[number, string]} person */
function assignee([id, name]) {
  return element('p', { 'data-person': id, class: 'assignee' }, element('label', { class: 'line' }, element('input', { type: 'checkbox' }), name),
    element('label', { class: 'line' }, element('input', { type: 'number', min: 0, max: 100, step: 'any', 'aria-label': `Percentage of ${name}` }), '%'));
}

/**
 * Show the section to those who may assign. The address may hold a view of Browse.
 *
 * @param {Team} team
 * @param {Map<string, string>} attributes their titles, by name
 */
export async function showAssignments(team, attributes) {
  const shown = team.settings !== null && team.accounts;
  byId('assign').hidden = !shown;
  if (!shown) return;
  titles = attributes;
  names = new Map(team.members.filter(({ active, has_password: account }) => active && account).map(({ id, name }) => [id, labellerName(name)]));
  const first = byId('assignees').childElementCount === 0;
  if (byId('assignees').childElementCount !== names.size) byId('assignees').replaceChildren(...[...names].map(assignee));
  byId('covers-new').hidden = view !== null;
  byId('assigned-images').replaceChildren(...imagesOf(view), '.');
  list((await call('GET', 'team/assignments')).assignments);
  if (first && chosen !== null) byId('assign').scrollIntoView();
}

onSubmit(form, preview);
form.addEventListener('input', (event) => {
  assign.hidden = true;
  byId('assignment-effect').textContent = '';
  const row = event.target instanceof HTMLInputElement ? event.target.closest('[data-person]') : null;
  if (row && event.target instanceof HTMLInputElement && event.target.type === 'number' && event.target.value !== '') {
    const [named] = /** @type {HTMLInputElement[]} */ (findAll(/** @type {HTMLElement} */ (row), 'input'));
    named.checked = true;
  }
});
assign.addEventListener('click', make);
