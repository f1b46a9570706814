/** The rounds page: start a round, watch it, see what it changed, return to an earlier one. */
import { call } from '../lib/api.js';
import { byId, count, element, find, findAll, messageOf, moment, onSubmit } from '../lib/dom.js';
import { postOnce, untilAnswered } from '../lib/retry.js';
import { browseUrl, roundUrl } from '../lib/urls.js';
import { isActive, roundCard } from './round_card.js';
import { sourcesTable } from './sources_table.js';
/** @import { Attribute, Round, RoundChanges, Rounds, Source } from '../types' */

const VISIBLE = 1000; // milliseconds between two looks at a running round
const HIDDEN = 15_000; // and while nothing runs: rounds start automatically
const FIRST = 20; // rounds that are shown before somebody asks for the older ones

const form = byId('start', HTMLFormElement);
const chosen = Number(/\/rounds\/(\d+)$/.exec(location.pathname)?.[1]);
/** @type {Map<number, {node: HTMLElement, text: string, round: Round}>} */
const shown = new Map(); // by id
/** @type {Attribute[]} */
let schema = [];
/** @type {?number} */
let opened = null; // the newest finished round, whose changes are shown
/** @type {?RoundChanges} */
let changes = null;
/** @type {Source[]} */
let sources = [];
let all = false;
/** @type {number|undefined} */
let timer;
let asked = 0; // how often the list was asked for
let trouble = false; // the last look at the server failed

/**
 * Put a round on the page, or exchange it where it has changed.
 *
 * @param {Round} round
 */
function show(round) {
  const sole = round.in_use && sources.every((source) => source.round === round.id);
  const text = JSON.stringify([round, sole]);
  const old = shown.get(round.id);
  if (old?.text === text) return;
  const open = round.id === chosen || round.id === opened;
  const node = roundCard(round, { schema, chosen: round.id === chosen, open, changes: round.id === opened ? changes : null, sole, onpromote: promote, oncancel: cancel });
  const hadFocus = old?.node.contains(document.activeElement);
  if (old) old.node.replaceWith(node);
  else byId('rounds').insertBefore(node, findAll(byId('rounds'), '[data-round]').find(({ dataset }) => Number(dataset.round) < round.id) ?? null);
  if (hadFocus) node.querySelector('a')?.focus();
  shown.set(round.id, { node, text, round });
}

/** Show the progress of face detection, and update it until it is complete. */
async function showFaces() {
  try {
    /** @type {{images: number, seen: number, with_face: number}} */
    const { images, seen, with_face: withFace } = await call('GET', 'faces');
    const [total, analysed, without] = [images, seen, seen - withFace].map((number) => number.toLocaleString('en'));
    byId('faces').replaceChildren(`Face detection: ${analysed} of ${total} images analysed`, ...(seen > withFace ? [', ', element('a', { href: browseUrl(new URLSearchParams({ faces: 'none' })) }, `${without} without a face`)] : []));
    if (seen < images) setTimeout(showFaces, HIDDEN);
  } catch {
    setTimeout(showFaces, HIDDEN);
  }
}

/** @param {unknown} error */
function showError(error) {
  byId('error').textContent = error === null ? '' : messageOf(error);
}

/**
 * Which round is in use, and when the next one starts automatically.
 *
 * @param {Rounds} answer
 */
function tell({ rounds, every, labelled_since: since }) {
  if (rounds.length === 0) {
    byId('used').textContent = `No round yet. ${every > 0 ? `The first one starts automatically after ${count(Math.max(0, every - since), 'more labelled image')}; the button starts it earlier.` : 'Label some images first, then start one.'}`;
    return;
  }
  const used = rounds.find((round) => round.in_use);
  const due = every > 0 && !rounds.some(isActive) ? `The next round starts automatically after ${count(Math.max(0, every - since), 'more labelled image')}.` : '';
  byId('used').replaceChildren(...(used ? ['The queue is in the order of ', element('a', { href: roundUrl(used.id) }, `round ${used.id}`), '. ', due] : ['No round orders the queue. ', due]));
}

/** Which round suggests the values of each attribute, and the way back if somebody chose them. */
function tellSources() {
  byId('sources').hidden = sources.length === 0;
  find(byId('sources'), 'div').replaceChildren(sourcesTable(sources, schema));
  find(byId('sources'), '.actions').hidden = !sources.some(({ chosen: byPerson }) => byPerson);
}

/** Let every attribute have its best measured suggestions again. */
async function useBest() {
  try {
    await postOnce('rounds/best-measured', {});
    await list();
    byId('message').textContent = 'The best measured rounds are in use.';
    showError(null);
  } catch (error) {
    showError(error);
  }
}

/**
 * What the next rounds work on, if it is not the frozen network alone, and the way back.
 *
 * @param {Rounds} answer
 */
function tellFeatures({ rounds, networks_after: after }) {
  const newest = rounds.find((round) => round.engine === 'probe' && round.features_reason);
  const tuned = (newest?.features ?? 0) > after;
  const added = newest?.network != null && newest.id > after;
  byId('features').hidden = !tuned && !added;
  if (tuned) find(byId('features'), 'span').textContent = `Rounds use the network that round ${newest?.features} fine-tuned.`;
  if (added) find(byId('features'), 'span').textContent = `Rounds use the network ${newest?.network} too.`;
}

/**
 * Which worker does what, and since when.
 *
 * @param {Rounds} answer
 */
function tellWorkers({ workers }) {
  byId('workers').hidden = workers.length === 0;
  byId('no-worker').hidden = workers.length > 0;
  const items = workers.map(({ name, does }) => element('li', {}, `${name} `, ...(does.length > 0 ? does.flatMap(({ work, since }, place) => [place > 0 ? ', ' : 'has ', `${work} since `, moment(since)]) : ['waits'])));
  find(byId('workers'), 'ul').replaceChildren(...items);
}

/** Let the next rounds work on the frozen network. */
async function freeze() {
  try {
    await call('POST', 'rounds/frozen-features', {});
    await list();
    byId('message').textContent = 'The next round uses the frozen network.';
    showError(null);
  } catch (error) {
    showError(error);
  }
}

/** Read the list, in the server's order, newest first. An answer that a later request has overtaken is dropped. */
async function list() {
  const mine = ++asked;
  /** @type {Rounds} */
  const answer = await call('GET', 'rounds');
  const { rounds } = answer;
  const newest = rounds.find((round) => round.state === 'done')?.id ?? null;
  // Requested before the list is shown, so that the page does not move afterwards.
  const changed = newest === null || newest === opened ? changes : await call('GET', `rounds/${newest}/changes`).catch(() => null);
  if (mine !== asked) return;
  [opened, changes] = [newest, newest === null ? null : changed];
  sources = answer.sources;
  rounds.filter(({ id }, place) => all || place < FIRST || id === chosen).forEach(show);
  byId('older').hidden = all || rounds.length <= FIRST;
  byId('older').textContent = `Show ${count(rounds.length - FIRST, 'older round')}`;
  tell(answer);
  tellSources();
  tellFeatures(answer);
  tellWorkers(answer);
  if (document.documentElement.dataset.state !== 'ready') shown.get(chosen)?.node.scrollIntoView({ block: 'nearest' });
  document.documentElement.dataset.state = 'ready';
}

async function follow() {
  clearTimeout(timer);
  const active = [...shown.values()].map(({ round }) => round).filter(isActive);
  try {
    for (const { id } of active) {
      /** @type {Round} */
      const round = await call('GET', `rounds/${id}`);
      if (isActive(round)) {
        show(round);
      } else {
        await list();
        byId('message').textContent = `Round ${id} is ${round.state}.`;
      }
    }
    if (active.length === 0) await list();
    if (trouble) byId('message').textContent = '';
    trouble = false;
  } catch (error) { // only this look has failed: the round goes on, and the next look says so
    trouble = true;
    byId('message').textContent = `${messageOf(error)} Trying again …`;
  }
  timer = setTimeout(follow, active.length === 0 || document.hidden ? HIDDEN : VISIBLE);
}

/**
 * Let the queue come from an earlier round again.
 *
 * @param {number} id
 */
async function promote(id) {
  try {
    await postOnce(`rounds/${id}/promote`, {});
    await list();
    byId('message').textContent = `Round ${id} is in use.`;
    showError(null);
  } catch (error) {
    showError(error);
  }
}

/**
 * Cancel an unfinished round.
 *
 * @param {number} id
 */
async function cancel(id) {
  try {
    await call('POST', `rounds/${id}/cancel`, {});
    await list();
    byId('message').textContent = `Round ${id} is cancelled.`;
    showError(null);
  } catch (error) {
    showError(error);
  }
}

async function begin() {
  const button = find(form, 'button', HTMLButtonElement);
  button.disabled = true;
  try {
    /** @type {Round} */
    const round = await call('POST', 'rounds', { engine: new FormData(form).get('engine') });
    await list();
    byId('message').textContent = `Round ${round.id} has started.`;
    showError(null);
    follow();
  } catch (error) {
    showError(error);
  } finally {
    button.disabled = false;
  }
}

onSubmit(form, begin);
find(byId('features'), 'button').addEventListener('click', freeze);
find(byId('sources'), 'button').addEventListener('click', useBest);
byId('older').addEventListener('click', () => {
  all = true;
  list().catch(showError);
});
document.addEventListener('visibilitychange', () => document.hidden || follow());
showFaces();

schema = await untilAnswered(async () => {
  const { attributes } = await call('GET', 'schema');
  return attributes;
}, showError);
await untilAnswered(list, showError);
byId('message').textContent = '';
showError(null);
timer = setTimeout(follow, VISIBLE);
