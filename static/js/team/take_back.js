/** The part of the team page that undoes many answers: choose, preview, take back, and undo an earlier one. */
import { call } from '../lib/api.js';
import { runExclusive } from '../lib/busy.js';
import { byId, count, element, fieldOf, labellerName, moment, onSubmit } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
/** @import { ImportSummary, PastTakeBack, TakeBackEffect, Team } from '../types' */

const form = byId('selection', HTMLFormElement);
const take = byId('take');
const LOOK_AGAIN = 1500; // milliseconds, while the worker goes on with a take-back
let filled = false;
/** @type {number|undefined} */
let again;

/** What was chosen, as the API takes it; empty fields are left out. */
function chosen() {
  const time = (/** @type {string} */ name) => (fieldOf(form, name).value ? new Date(fieldOf(form, name).value).toISOString() : '');
  const number = (/** @type {string} */ name) => Number(fieldOf(form, name).value) || '';
  const fields = { labeller: number('labeller'), upload: number('upload'), since: time('since'), until: time('until') };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

/**
 * What a take-back changes, in sentences.
 *
 * @param {TakeBackEffect} effect
 * @param {boolean} done
 */
function words({ answers, images, opened, restored, reopened, people_changes, aggregated }, done) {
  const would = done ? '' : 'would ';
  const sentences = [
    `${count(answers, 'answer')} in ${count(images, 'image')} ${would}no longer count${done && answers === 1 ? 's' : ''}.`,
    `Cells that ${done ? 'lost' : 'would lose'} their label: ${opened.toLocaleString('en')}. Cells that ${done ? 'fell' : 'would fall'} back to an earlier answer: ${restored.toLocaleString('en')}.`,
    `Images that ${done ? 'came' : 'would come'} back into the queue: ${reopened.toLocaleString('en')}.`,
  ];
  if (people_changes > 0) sentences.push(`New names and merges of people stay (${people_changes.toLocaleString('en')}); undo them on the pages of the people.`);
  if (aggregated > 0) sentences.push(`Labels of an aggregation that used these answers: ${aggregated.toLocaleString('en')}. They stay until you aggregate again.`);
  return sentences.join(' ');
}

/** @param {PastTakeBack} past */
function listed({ submission, state, covered, effect, by, created_at, undone, labeller, upload, source, since, until, naming }) {
  const what = [labeller && `of ${labellerName(labeller, 'you')}`, upload && `of import ${upload}`, source && `of ${source}`, naming && 'names of faces only'].filter(Boolean).join(', ');
  const times = [...(since ? [' from ', moment(since)] : []), ...(until ? [' until ', moment(until)] : [])];
  const text = [moment(created_at), ` ${labellerName(by)} undid ${count(effect.answers, 'answer')} ${what}`, ...times, '. '];
  const left = state === 'running' ? `${covered.toLocaleString('en')} of ${effect.submissions.toLocaleString('en')} submissions so far. ` : `${count(covered, 'submission')} still to come back. `;
  if (state === 'running' || state === 'undoing') text.push(left);
  const undo = element('button', { type: 'button', onclick: () => restore(submission) }, 'Undo');
  return element('li', { 'data-undone': String(undone) }, ...text, undone ? element('span', { class: 'muted' }, 'Undone.') : undo);
}

/** @param {PastTakeBack[]} takeBacks */
function list(takeBacks) {
  clearTimeout(again);
  if (takeBacks.some(({ state }) => state === 'running' || state === 'undoing')) again = setTimeout(look, LOOK_AGAIN);
  byId('past-take-backs').replaceChildren(...takeBacks.map(listed));
}

async function look() {
  try {
    list((await call('GET', 'team/take-backs')).take_backs);
  } catch {
    again = setTimeout(look, LOOK_AGAIN);
  }
}

/** @param {string} submission */
function restore(submission) {
  runExclusive(async () => {
    const { answer } = await postOnce('team/take-backs/undo', { submission });
    list(answer.take_backs);
    byId('take-back-title').focus();
  }, 'The answers count again.');
}

function preview() {
  take.hidden = true;
  runExclusive(async () => {
    /** @type {TakeBackEffect} */
    const effect = await call('GET', `team/take-backs/preview?${new URLSearchParams(/** @type {Record<string, string>} */ (chosen()))}`);
    byId('effect').textContent = words(effect, false);
    take.hidden = effect.submissions === 0;
  });
}

function takeBack() {
  runExclusive(async () => {
    const { answer } = await postOnce('team/take-backs', chosen());
    byId('effect').textContent = words(answer.effect, true);
    take.hidden = true;
    list((await call('GET', 'team/take-backs')).take_backs);
  }, 'The answers no longer count.');
}

/**
 * Show the section to an admin. The address may choose an import, as the import page's links do.
 *
 * @param {Team} team
 */
export async function showTakeBack(team) {
  byId('take-back').hidden = !team.manages;
  if (!team.manages) return;
  list((await call('GET', 'team/take-backs')).take_backs);
  if (filled) return;
  filled = true;
  /** @type {{imports: ImportSummary[]}} */
  const { imports } = await call('GET', 'imports');
  const option = (/** @type {string|number} */ value, /** @type {string} */ text) => element('option', { value }, text);
  fieldOf(form, 'labeller').replaceChildren(option('', 'anybody'), ...team.members.map(({ id, name }) => option(id, labellerName(name))));
  const done = imports.filter(({ state, dry_run }) => state === 'done' && !dry_run);
  fieldOf(form, 'upload').replaceChildren(option('', 'not only one'), ...done.map(({ id, name }) => option(id, `${id}: ${name}`)));
  const upload = new URLSearchParams(location.search).get('upload');
  if (upload !== null) {
    fieldOf(form, 'upload').value = upload;
    byId('take-back').scrollIntoView();
  }
}

onSubmit(form, preview);
form.addEventListener('input', () => { take.hidden = true; byId('effect').textContent = ''; });
take.addEventListener('click', takeBack);
