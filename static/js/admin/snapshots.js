/** The snapshots page: what has been taken, a button for the next one, and a comparison of two. */
import { call } from '../lib/api.js';
import { showDiff } from './snapshot_diff.js';
import { element, moment, onSubmit } from '../lib/dom.js';

const at = (id) => document.getElementById(id);

function row({ name, created_at, images, labelled, path, content_hash }) {
  const number = (value) => element('td', { class: 'number' }, value.toLocaleString('en'));
  const hash = element('code', { title: content_hash }, content_hash.slice(0, 12));
  return element('tr', { 'data-snapshot': name }, element('th', { scope: 'row' }, name), element('td', {}, moment(created_at)),
    number(images), number(labelled), element('td', {}, element('code', {}, path)), element('td', {}, hash), actions(name));
}

/** The card, the download, and a button that checks every byte. */
function actions(name) {
  const place = `/snapshots/${encodeURIComponent(name)}`;
  const link = (what, text) => element('a', { href: `${place}/${what}`, 'aria-label': `${text} of ${name}` }, text);
  const verify = element('button', { type: 'button', 'aria-label': `Verify ${name}`, onclick: () => check(name) }, 'Verify');
  return element('td', { class: 'looks' }, link('card', 'Card'), link('zip', 'Zip'), verify);
}

async function check(name) {
  at('error').textContent = '';
  at('message').textContent = `Checking every byte of ${name} …`;
  try {
    const { content_hash } = await call('GET', `snapshots/${encodeURIComponent(name)}/verify`);
    at('message').textContent = `Snapshot ${name} is whole, content ${content_hash.slice(0, 12)}.`;
  } catch (error) {
    at('error').textContent = error.message;
    at('message').textContent = '';
  }
}

/** Offer every pair; at first the newest against the one before. */
function offer(snapshots) {
  at('comparison').hidden = snapshots.length < 2;
  const names = snapshots.map(({ name }) => name);
  [['a', 1], ['b', 0]].forEach(([side, chosen]) => {
    at('compare').elements[side].replaceChildren(...names.map((name, place) => element('option', { selected: place === chosen }, name)));
  });
}

async function compare() {
  const [a, b] = ['a', 'b'].map((side) => encodeURIComponent(at('compare').elements[side].value));
  at('changes').hidden = true;
  at('diff').textContent = 'Comparing …';
  try {
    showDiff(at('diff'), await call('GET', `snapshots/diff?a=${a}&b=${b}`));
    at('changes').href = `/snapshots/${a}/changes/${b}`;
    at('changes').hidden = false;
  } catch (error) {
    at('diff').textContent = error.message;
  }
}

async function list() {
  const { snapshots } = await call('GET', 'snapshots');
  at('snapshots').hidden = snapshots.length === 0;
  at('snapshots').tBodies[0].replaceChildren(...snapshots.map(row));
  offer(snapshots);
  at('message').textContent = snapshots.length > 0 ? '' : 'No snapshot yet.';
  document.documentElement.dataset.state = 'ready';
}

async function create(event) {
  const button = event.target.querySelector('button');
  button.disabled = true;
  at('error').textContent = '';
  at('message').textContent = 'Taking the snapshot …';
  try {
    const names = new FormData(event.target).has('names');
    const { name, path } = await call('POST', 'snapshots', { names });
    await list();
    at('message').textContent = `Snapshot ${name} lies in ${path}.`;
  } catch (error) {
    at('error').textContent = error.message;
    at('message').textContent = '';
  } finally {
    button.disabled = false;
  }
}

/** Try until the server answers. */
async function load() {
  try {
    await list();
    at('error').textContent = '';
  } catch (error) {
    at('error').textContent = error.message;
    setTimeout(load, 2000);
  }
}

onSubmit(at('create'), create);
onSubmit(at('compare'), compare);
load();
