/** The rounds page: start a round, watch it, read its figures. */
import { call } from './api.js';
import { count, element, moment, onSubmit } from './dom.js';
import { figures } from './figures.js';

const STAGES = ['snapshot', 'features', 'train', 'evaluate', 'predict', 'load'];
const VISIBLE = 1000; // milliseconds between two looks at a running round
const HIDDEN = 15_000;

const at = (id) => document.getElementById(id);
const chosen = Number(/^\/rounds\/(\d+)$/.exec(location.pathname)?.[1]);
const shown = new Map(); // id → {node, text}
let schema = [];
let timer = null;

const isActive = (round) => round.state === 'queued' || round.state === 'running';

/** The six stages, each with its own bar. */
function stages(round) {
  const current = STAGES.indexOf(round.stage);
  return element('ol', { class: 'stages' }, ...STAGES.map((stage, place) => {
    const state = place < current ? 'past' : place === current ? 'now' : 'ahead';
    const bar = element('progress', { max: 1, 'aria-label': `${stage} progress`, value: state === 'past' ? 1 : 0 });
    if (state === 'now' && round.total > 0) bar.value = Math.min(1, round.done / round.total);
    if (state === 'now' && !round.total && round.state === 'running') bar.removeAttribute('value');
    return element('li', { 'data-state': state, 'aria-current': state === 'now' && 'step' }, stage, bar);
  }));
}

/** What a round is doing in one sentence. */
function doing({ state, message, done, total, attempts }) {
  const parts = [state === 'queued' ? 'waiting for the worker' : message];
  if (total > 1) parts.push(`${done.toLocaleString('en')} of ${total.toLocaleString('en')}`);
  if (attempts > 1) parts.push(`attempt ${attempts}`);
  return parts.filter(Boolean).join(' · ');
}

function body(round) {
  if (isActive(round)) return [stages(round), element('p', { class: 'muted' }, doing(round))];
  if (round.state === 'failed') return [stages(round), element('p', { class: 'error' }, round.error ?? 'The round failed without a word.')];
  return [figures(round.metrics ?? {}, schema)];
}

function card(round) {
  const header = element('header', {},
    element('h2', {}, element('a', { href: `/rounds/${round.id}` }, `Round ${round.id}`)),
    element('span', { class: 'badge', 'data-state': round.state }, round.state),
    element('span', {}, `${round.engine}, ${round.strategy}`),
    element('span', { class: 'muted' }, `${count(round.labelled ?? 0, 'labelled image')} · `, moment(round.finished_at ?? round.started_at ?? round.created_at)));
  return element('article', { class: 'card round', 'data-round': round.id, 'data-state': round.state,
    'aria-current': round.id === chosen && 'true', 'aria-label': `Round ${round.id}` }, header, ...body(round));
}

/** Put a round on the page, or exchange it where it has changed. */
function show(round) {
  const text = JSON.stringify(round);
  const old = shown.get(round.id);
  if (old?.text === text) return;
  const node = card(round);
  const hadFocus = old?.node.contains(document.activeElement);
  if (old) old.node.replaceWith(node);
  else at('rounds').append(node);
  if (hadFocus) node.querySelector('a').focus();
  shown.set(round.id, { node, text, round });
}

/** How far the worker's search for faces is; while it goes on, look again now and then. */
async function showFaces() {
  try {
    const { images, seen, with_face: found } = await call('GET', 'faces');
    const [all, looked, without] = [images, seen, seen - found].map((number) => number.toLocaleString('en'));
    at('faces').replaceChildren(`Faces: ${looked} of ${all} images looked at`, ...(seen > found ? [', ', element('a', { href: '/browse?faces=none' }, `${without} without a face`)] : []));
    if (seen < images) setTimeout(showFaces, HIDDEN);
  } catch {
    setTimeout(showFaces, HIDDEN);
  }
}

function showError(error) {
  at('error').textContent = error?.message ?? '';
}

/** Read the list, in the server's order, the newest first. */
async function list() {
  const { rounds } = await call('GET', 'rounds');
  at('rounds').replaceChildren();
  shown.clear();
  rounds.forEach(show);
  at('message').textContent = rounds.length > 0 ? '' : 'No round yet. Label some images first, then start one.';
  document.documentElement.dataset.state = 'ready';
  shown.get(chosen)?.node.scrollIntoView({ block: 'nearest' });
}

async function follow() {
  clearTimeout(timer);
  const active = [...shown.values()].map(({ round }) => round).filter(isActive);
  try {
    for (const { id } of active) {
      const round = await call('GET', `rounds/${id}`);
      show(round);
      at('message').textContent = isActive(round) ? '' : `Round ${id} is ${round.state}.`;
    }
  } catch (error) { // only this look has failed: the round goes on, and the next look says so
    at('message').textContent = `${error.message} Trying again …`;
  }
  if (active.length > 0) timer = setTimeout(follow, document.hidden ? HIDDEN : VISIBLE);
}

async function begin(event) {
  const button = event.target.querySelector('button');
  button.disabled = true;
  try {
    const round = await call('POST', 'rounds', { engine: new FormData(event.target).get('engine'), strategy: 'margin' });
    await list();
    at('message').textContent = `Round ${round.id} has been started.`;
    showError(null);
    follow();
  } catch (error) {
    showError(error);
  } finally {
    button.disabled = false;
  }
}

/** Try until the server answers: the page may have been opened before it. */
async function load() {
  try {
    schema = (await call('GET', 'schema')).attributes;
    await list();
    showError(null);
    follow();
  } catch (error) {
    showError(error);
    setTimeout(load, 2000);
  }
}

onSubmit(at('start'), begin);
document.addEventListener('visibilitychange', () => document.hidden || follow());
load();
showFaces();
