/** The rounds page: start a round, watch it, see what it changed, return to an earlier one. */
import { call } from '../lib/api.js';
import { count, element, onSubmit } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
import { isActive, roundCard } from './round_card.js';

const VISIBLE = 1000; // milliseconds between two looks at a running round
const HIDDEN = 15_000; // and while nothing runs: rounds start by themselves
const FIRST = 20; // rounds that are shown before somebody asks for the older ones

const at = (id) => document.getElementById(id);
const chosen = Number(/^\/rounds\/(\d+)$/.exec(location.pathname)?.[1]);
const shown = new Map(); // id → {node, text, round}
let schema = [];
let opened = null; // the newest finished round, whose changes are shown
let changes = null;
let all = false;
let timer = null;
let asked = 0; // how often the list was asked for
let trouble = false; // the last look at the server failed

/** Put a round on the page, or exchange it where it has changed. */
function show(round) {
  const text = JSON.stringify(round);
  const old = shown.get(round.id);
  if (old?.text === text) return;
  const open = round.id === chosen || round.id === opened;
  const node = roundCard(round, { schema, chosen: round.id === chosen, open, changes: round.id === opened ? changes : null, onpromote: promote });
  const hadFocus = old?.node.contains(document.activeElement);
  if (old) old.node.replaceWith(node);
  else at('rounds').insertBefore(node, [...at('rounds').children].find((other) => Number(other.dataset.round) < round.id) ?? null);
  if (hadFocus) node.querySelector('a').focus();
  shown.set(round.id, { node, text, round });
}

/** How far the worker's search for faces is; while it goes on, look again now and then. */
async function showFaces() {
  try {
    const { images, seen, with_face: found } = await call('GET', 'faces');
    const [total, looked, without] = [images, seen, seen - found].map((number) => number.toLocaleString('en'));
    at('faces').replaceChildren(`Faces: ${looked} of ${total} images looked at`, ...(seen > found ? [', ', element('a', { href: '/browse?faces=none' }, `${without} without a face`)] : []));
    if (seen < images) setTimeout(showFaces, HIDDEN);
  } catch {
    setTimeout(showFaces, HIDDEN);
  }
}

function showError(error) {
  at('error').textContent = error?.message ?? '';
}

/** Which round is in use, and when the next one starts by itself. */
function tell({ rounds, every, labelled_since: since }) {
  if (rounds.length === 0) {
    at('used').textContent = 'No round yet. Label some images first, then start one.';
    return;
  }
  const used = rounds.find((round) => round.in_use);
  const due = every > 0 && !rounds.some(isActive) ? `The next round starts by itself after ${count(Math.max(0, every - since), 'more labelled image')}.` : '';
  const link = used && element('a', { href: `/rounds/${used.id}` }, `round ${used.id}`);
  at('used').replaceChildren(...(used ? ['Queue and suggestions come from ', link, '. ', due] : ['No round is in use: the queue is in random order. ', due]));
}

/** What the next rounds work on, if it is a fine-tuned network, and the way back. */
function tellFeatures({ rounds, networks_after: after }) {
  const newest = rounds.find((round) => round.engine === 'probe' && round.features_reason);
  const tuned = newest?.features > after;
  at('features').hidden = !tuned;
  if (tuned) at('features').querySelector('span').textContent = `Rounds work on the network that round ${newest.features} fine-tuned.`;
}

/** Let the next rounds work on the frozen network. */
async function freeze() {
  try {
    await call('POST', 'rounds/frozen-features', {});
    await list();
    at('message').textContent = 'The next round works on the frozen network.';
    showError(null);
  } catch (error) {
    showError(error);
  }
}

/** Read the list, in the server's order, the newest first. What is overtaken by a later look is not shown: it is older. */
async function list() {
  const mine = ++asked;
  const answer = await call('GET', 'rounds');
  const { rounds } = answer;
  const newest = rounds.find((round) => round.state === 'done')?.id ?? null;
  // Asked for before it is shown, so that nothing moves when it comes.
  const changed = newest === null || newest === opened ? changes : await call('GET', `rounds/${newest}/changes`).catch(() => null);
  if (mine !== asked) return;
  [opened, changes] = [newest, newest === null ? null : changed];
  rounds.filter(({ id }, place) => all || place < FIRST || id === chosen).forEach(show);
  at('older').hidden = all || rounds.length <= FIRST;
  at('older').textContent = `Show ${count(rounds.length - FIRST, 'older round')}`;
  tell(answer);
  tellFeatures(answer);
  if (document.documentElement.dataset.state !== 'ready') shown.get(chosen)?.node.scrollIntoView({ block: 'nearest' });
  document.documentElement.dataset.state = 'ready';
}

async function follow() {
  clearTimeout(timer);
  const active = [...shown.values()].map(({ round }) => round).filter(isActive);
  try {
    for (const { id } of active) {
      const round = await call('GET', `rounds/${id}`);
      if (isActive(round)) {
        show(round);
      } else {
        await list();
        at('message').textContent = `Round ${id} is ${round.state}.`;
      }
    }
    if (active.length === 0) await list();
    if (trouble) at('message').textContent = '';
    trouble = false;
  } catch (error) { // only this look has failed: the round goes on, and the next look says so
    trouble = true;
    at('message').textContent = `${error.message} Trying again …`;
  }
  timer = setTimeout(follow, active.length === 0 || document.hidden ? HIDDEN : VISIBLE);
}

/** Let the queue come from an earlier round again. */
async function promote(id) {
  try {
    await postOnce(`rounds/${id}/promote`, {});
    await list();
    at('message').textContent = `Round ${id} is in use.`;
    showError(null);
  } catch (error) {
    showError(error);
  }
}

async function begin(event) {
  const button = event.target.querySelector('button');
  button.disabled = true;
  try {
    const round = await call('POST', 'rounds', { engine: new FormData(event.target).get('engine') });
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
    at('message').textContent = '';
    showError(null);
    timer = setTimeout(follow, VISIBLE);
  } catch (error) {
    showError(error);
    setTimeout(load, 2000);
  }
}

onSubmit(at('start'), begin);
at('features').querySelector('button').addEventListener('click', freeze);
at('older').addEventListener('click', () => {
  all = true;
  list().catch(showError);
});
document.addEventListener('visibilitychange', () => document.hidden || follow());
load();
showFaces();
