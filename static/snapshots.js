/** The snapshots page: what has been taken, and a button for the next one. */
import { call } from './api.js';
import { element, moment } from './dom.js';

const at = (id) => document.getElementById(id);

function row({ name, created_at, images, labelled, path, content_hash }) {
  const number = (value) => element('td', { class: 'number' }, value.toLocaleString('en'));
  const hash = element('code', { title: content_hash }, content_hash.slice(0, 12));
  return element('tr', { 'data-snapshot': name }, element('th', { scope: 'row' }, name), element('td', {}, moment(created_at)),
    number(images), number(labelled), element('td', {}, element('code', {}, path)), element('td', {}, hash));
}

async function list() {
  const { snapshots } = await call('GET', 'snapshots');
  at('snapshots').hidden = snapshots.length === 0;
  at('snapshots').tBodies[0].replaceChildren(...snapshots.map(row));
  at('message').textContent = snapshots.length > 0 ? '' : 'No snapshot yet.';
  document.documentElement.dataset.state = 'ready';
}

async function create(event) {
  event.preventDefault();
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

at('create').addEventListener('submit', create);
load();
