/** The snapshots page: what has been taken, a button for the next one, and a comparison of two. */
import { call } from '../lib/api.js';
import { byId, element, fieldOf, find, messageOf, moment, onSubmit } from '../lib/dom.js';
import { untilAnswered } from '../lib/retry.js';
import { changesUrl, snapshotUrl } from '../lib/urls.js';
import { showDiff } from './snapshot_diff.js';
import { deleteButton, noteNode } from './snapshot_notes.js';
/** @import { Attribute, Snapshot, SnapshotDiff } from '../types' */

const form = byId('create', HTMLFormElement);
const comparison = byId('compare', HTMLFormElement);

/** @param {Snapshot} snapshot */
function row(snapshot) {
  const { name, created_at, images, labelled, path, content_hash } = snapshot;
  const number = (/** @type {number} */ value) => element('td', { class: 'number' }, value.toLocaleString('en'));
  const hash = element('code', { title: content_hash }, content_hash.slice(0, 12));
  return element('tr', { 'data-snapshot': name }, element('th', { scope: 'row' }, name, noteNode(snapshot, attempt, list)), element('td', {}, moment(created_at)),
    number(images), number(labelled), element('td', {}, element('code', {}, path)), element('td', {}, hash), actions(snapshot));
}

/**
 * Do something that asks the server; show what went wrong.
 *
 * @param {() => Promise<void>} work
 */
async function attempt(work) {
  byId('error').textContent = '';
  try {
    await work();
  } catch (error) {
    byId('error').textContent = messageOf(error);
  }
}

/**
 * The card, the download, and a button that checks every byte.
 *
 * @param {Snapshot} snapshot
 */
function actions(snapshot) {
  const { name } = snapshot;
  const link = (/** @type {'card'|'zip'} */ part, /** @type {string} */ text) => element('a', { href: snapshotUrl(name, part), 'data-needs': part === 'zip' ? 'reviewer' : null, 'aria-label': `${text} of ${name}` }, text);
  const verify = element('button', { type: 'button', 'aria-label': `Verify ${name}`, onclick: () => check(name) }, 'Verify');
  return element('td', { class: 'looks' }, link('card', 'Card'), link('zip', 'Zip'), verify, deleteButton(snapshot, attempt, list));
}

/**
 * @param {string} text
 * @param {'muted'|'success'} [look]
 */
function say(text, look = 'muted') {
  byId('message').textContent = text;
  byId('message').className = look;
}

/** @param {string} name */
async function check(name) {
  byId('error').textContent = '';
  say(`Checking every byte of ${name} …`);
  try {
    const { content_hash } = await call('GET', `snapshots/${encodeURIComponent(name)}/verify`);
    say(`Snapshot ${name} is intact. Content hash: ${content_hash.slice(0, 12)}.`, 'success');
  } catch (error) {
    byId('error').textContent = messageOf(error);
    say('');
  }
}

/**
 * Offer every pair; at first the newest against the one before.
 *
 * @param {Snapshot[]} snapshots
 */
function offer(snapshots) {
  byId('comparison').hidden = snapshots.length < 2;
  const names = snapshots.map(({ name }) => name);
  const options = (/** @type {number} */ chosen) => names.map((name, place) => element('option', { selected: place === chosen }, name));
  fieldOf(comparison, 'a').replaceChildren(...options(1));
  fieldOf(comparison, 'b').replaceChildren(...options(0));
}

async function compare() {
  const [a, b] = ['a', 'b'].map((side) => fieldOf(comparison, side).value);
  const link = byId('changes', HTMLAnchorElement);
  link.hidden = true;
  byId('diff').textContent = 'Comparing …';
  try {
    /** @type {[SnapshotDiff, {attributes: Attribute[]}]} */
    const [diff, { attributes }] = await Promise.all([call('GET', `snapshots/diff?${new URLSearchParams({ a, b })}`), call('GET', 'schema')]);
    showDiff(byId('diff'), diff, new Map(attributes.map(({ name, title }) => [name, title])));
    link.href = changesUrl(a, b);
    link.hidden = false;
  } catch (error) {
    byId('diff').textContent = messageOf(error);
  }
}

async function list() {
  /** @type {{snapshots: Snapshot[]}} */
  const { snapshots } = await call('GET', 'snapshots');
  const table = byId('snapshots', HTMLTableElement);
  table.hidden = snapshots.length === 0;
  table.tBodies[0].replaceChildren(...snapshots.map(row));
  offer(snapshots);
  say(snapshots.length > 0 ? '' : 'No snapshots yet.');
  document.documentElement.dataset.state = 'ready';
}

async function create() {
  const button = find(form, 'button', HTMLButtonElement);
  button.disabled = true;
  byId('error').textContent = '';
  say('Taking the snapshot …');
  try {
    const fields = new FormData(form);
    const answers = { probabilities: fields.has('probabilities'), filled: !fields.has('unfilled') };
    const { name, path } = await call('POST', 'snapshots', { names: fields.has('names'), ...answers, title: fields.get('title') });
    form.reset();
    await list();
    say(`Snapshot ${name} is in ${path}.`, 'success');
  } catch (error) {
    byId('error').textContent = messageOf(error);
    say('');
  } finally {
    button.disabled = false;
  }
}

onSubmit(form, create);
onSubmit(comparison, compare);
await untilAnswered(list, ({ message }) => { byId('error').textContent = message; });
byId('error').textContent = '';
