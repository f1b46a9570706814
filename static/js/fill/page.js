/** The page that fills cells with the model: what can be filled at a target, the running samples, the certificates, their undo. */
import { call } from '../lib/api.js';
import { runExclusive, busy } from '../lib/busy.js';
import { byId, count, element, findAll, moment } from '../lib/dom.js';
import { postOnce, untilAnswered } from '../lib/retry.js';
import { attributeCard } from './attribute_card.js';
import { isRunning, percent } from './words.js';
/** @import { Certificate, FillPlans } from '../types' */

const VISIBLE = 2000; // milliseconds between two looks while a sample is answered or cells are filled
const QUIET = 15_000; // and while nothing runs

const step = byId('error-step', HTMLInputElement);
const recall = byId('recall', HTMLSelectElement);
/** @type {FillPlans} */
let plans = { errors: [], recalls: [], counted_at: null, missing: '', planned: 0, expected: 0, attributes: [] };
/** @type {Certificate[]} */
let certificates = [];
/** @type {number|undefined} */
let timer;

/**
 * The target that the slider and the choice of the recall say; the usual one at first.
 * @type {{ error: number, recall: ?number }}
 */
let target = { error: 0.01, recall: 0.95 };
let offered = '';

/** Give the slider and the choice their steps; there are more once the worker has made more plans. */
function offerTargets() {
  const steps = JSON.stringify([plans.errors, plans.recalls]);
  if (steps === offered || plans.errors.length === 0) return;
  offered = steps;
  byId('target').hidden = false;
  step.max = String(plans.errors.length - 1);
  step.value = String(Math.max(0, plans.errors.indexOf(target.error)));
  recall.replaceChildren(...plans.recalls.map((least) => element('option', { value: least ?? '', selected: least === target.recall }, least === null ? 'no minimum' : percent(least))));
}

function chooseTarget() {
  target = { error: plans.errors[Number(step.value)] ?? target.error, recall: recall.value === '' ? null : Number(recall.value) };
  show();
}

/** Whether the worker has made all plans. */
const isComplete = () => plans.planned === plans.expected;

/** Start the acceptance sample of an attribute. @param {string} attribute */
function start(attribute) {
  runExclusive(async () => {
    await postOnce('certificates', { attribute, ...target });
    await look();
  }, 'The acceptance sample is mixed into the queue.');
}

/** Decide about a certificate with the answers so far. @param {number} id */
function decide(id) {
  runExclusive(async () => {
    await call('POST', `certificates/${id}/decide`, {});
    await look();
  });
}

/** End a certificate: its sample is no longer asked, its cells are open again. @param {number} id */
function undo(id) {
  runExclusive(async () => {
    await call('POST', `certificates/${id}/undo`, {});
    await look();
  }, 'Undone: the cells are open again.');
}

function show() {
  const { error, recall: least } = target;
  byId('error-shown').textContent = percent(error);
  step.setAttribute('aria-valuetext', percent(error));
  const open = new Set(findAll(byId('attributes'), '[data-attribute]:has(.ended-ones[open])').map(({ dataset }) => dataset.attribute));
  const focus = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.action : undefined;
  const cards = plans.attributes.map((attribute) => attributeCard(attribute, {
    error, recall: least, errors: plans.errors, open: open.has(attribute.attribute),
    certificates: certificates.filter((each) => each.attribute === attribute.attribute), onstart: start, ondecide: decide, onundo: undo,
  }));
  byId('attributes').replaceChildren(...cards);
  if (focus) findAll(byId('attributes'), `[data-action="${focus}"]`)[0]?.focus();
  byId('planning').hidden = isComplete();
  byId('planned', HTMLProgressElement).max = Math.max(1, plans.expected);
  byId('planned', HTMLProgressElement).value = plans.planned;
  byId('planned-words').textContent = `${plans.planned} of ${count(plans.expected, 'plan')}`;
  byId('counted').hidden = plans.counted_at === null || !isComplete();
  byId('counted').replaceChildren('Computed ', moment(plans.counted_at), '.');
}

async function look() {
  [plans, { certificates }] = await Promise.all([call('GET', 'certificates/plan'), call('GET', 'certificates')]);
  offerTargets();
  show();
  if (!busy()) byId('message').textContent = plans.missing;
  document.documentElement.dataset.state = busy() ? 'saving' : 'ready';
  lookLater();
}

function lookLater() {
  clearTimeout(timer);
  timer = setTimeout(follow, plans.counted_at === null || !isComplete() || certificates.some(isRunning) ? VISIBLE : QUIET);
}

async function follow() {
  if (!document.hidden && !busy()) await look().catch(() => {}); // only this look has failed; the next one comes soon
  lookLater();
}

byId('target', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
step.addEventListener('input', chooseTarget);
recall.addEventListener('change', chooseTarget);
document.addEventListener('visibilitychange', () => document.hidden || follow());
await untilAnswered(look, ({ message }) => { byId('error').textContent = message; });
byId('error').textContent = '';
if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
