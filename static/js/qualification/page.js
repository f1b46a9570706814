/** The qualification: answer an image, see what was right and why, go on; at the end, what comes now. */
import { call } from '../lib/api.js';
import { runExclusive } from '../lib/busy.js';
import { byId, closest, count, element, find, findAll, messageOf, onSubmit } from '../lib/dom.js';
import { commandOf, typedCode } from '../lib/keys.js';
/** @import { Attribute, CheckedCell, Code, Qualification } from '../types' */

/** @type {Attribute[]} */
let schema = [];
/** @type {?Qualification} */
let standing = null;
/** @type {Map<string, Code>} */
let chosen = new Map();
let checked = false; // whether the answers on the screen were checked
let typed = '';

const task = () => standing?.task ?? null;
const attributeOf = (/** @type {string} */ name) => schema.find((attribute) => attribute.name === name);
const questions = () => findAll(byId('attributes'), '.question');
const marked = () => questions().find((node) => 'current' in node.dataset);

/**
 * @param {Attribute} attribute
 * @param {Code} code
 */
function nameOf(attribute, code) {
  return code === null ? "can't tell" : attribute.values.find((value) => value.code === code)?.name ?? String(code);
}

/** @param {string} name */
function questionNode(name) {
  const attribute = /** @type {Attribute} */ (attributeOf(name));
  const button = (/** @type {Code} */ code, /** @type {string} */ key) => element('button', { type: 'button', 'data-code': code ?? '-', 'aria-pressed': 'false', onclick: () => choose(name, code) }, element('kbd', {}, key), nameOf(attribute, code));
  return element('fieldset', { class: 'question', 'data-attribute': name }, element('legend', {}, element('kbd', {}, (attribute.key ?? '').toUpperCase()), ' ', attribute.title),
    element('div', { class: 'choices' }, ...attribute.values.map(({ code }) => button(code, String(code))), button(null, '-')));
}

/** @param {HTMLElement|undefined} node */
function mark(node) {
  typed = '';
  for (const other of questions()) other.toggleAttribute('data-current', other === node);
  node?.scrollIntoView({ block: 'nearest' });
}

/**
 * @param {string} name
 * @param {Code} code
 */
function choose(name, code) {
  if (checked) return;
  chosen.set(name, code);
  const node = find(byId('attributes'), `[data-attribute="${name}"]`, HTMLElement);
  for (const button of findAll(node, 'button')) button.setAttribute('aria-pressed', String(button.dataset.code === String(code ?? '-')));
  byId('result').textContent = '';
  const open = questions().find(({ dataset }) => !chosen.has(dataset.attribute ?? ''));
  mark(open ?? node);
}

function showTask() {
  const now = task();
  if (!now || !standing) return;
  [chosen, checked] = [new Map(), false];
  byId('image', HTMLImageElement).src = now.image_url;
  byId('count').textContent = `${standing.answered + 1} of ${standing.images} in your qualification`;
  byId('attributes').replaceChildren(...now.attributes.map(questionNode));
  byId('result').textContent = '';
  find(byId('send'), 'span').textContent = 'Check';
  mark(questions()[0]);
  scrollTo(0, 0);
}

function showNothing() {
  byId('notice-title').textContent = 'Nothing to do here';
  byId('notice-text').textContent = 'This project asks for no qualification.';
  byId('go').hidden = false;
}

/** What comes now, when no image is asked. */
function showNotice() {
  if (!standing) return;
  const { state, right, cells, pass_mark: mark_, images } = standing;
  const percent = `${Math.round(100 * mark_)} %`;
  if (state === 'ready' && images === 0) return showNothing();
  const score = cells === 0 ? '' : `You answered ${right.toLocaleString('en')} of ${count(cells, 'question')} right.`;
  const words = {
    ready: ['Welcome', `Before you start, answer ${count(images, 'image')}. After each one you see what was right and why. You pass when ${percent} of your answers are right. Nothing that you answer here counts as a label.`, 'Start'],
    running: ['Welcome back', 'Your qualification goes on where you left it.', 'Go on'],
    failed: ['Not yet', `${score} ${percent} are needed. Read the guidelines again and take your time: you may try again as often as you like, as far as possible with other images. If a guideline is unclear, ask your admin, who can also let you pass.`, 'Try again'],
    passed: ['You have passed', `${score} From now on your answers count.`, ''],
  }[/** @type {'ready'|'running'|'failed'|'passed'} */ (state)];
  byId('notice-title').textContent = words[0];
  byId('notice-text').textContent = words[1];
  byId('start').textContent = words[2];
  byId('start').hidden = words[2] === '';
  byId('go').hidden = state !== 'passed';
}

/** @param {Qualification} now */
function show(now) {
  standing = now;
  const working = now.state === 'running' && now.task !== null;
  byId('notice').hidden = working;
  byId('work').hidden = !working;
  if (working) return showTask();
  showNotice();
  byId('notice-title').focus();
}

/** @param {CheckedCell} cell */
function showVerdict({ attribute, code, known, right }) {
  const node = find(byId('attributes'), `[data-attribute="${attribute}"]`, HTMLElement);
  const shown = /** @type {Attribute} */ (attributeOf(attribute));
  node.dataset.right = String(right);
  find(node, `[data-code="${known ?? '-'}"]`, HTMLElement).dataset.known = '';
  for (const button of node.querySelectorAll('button')) button.disabled = true;
  const words = right ? [element('b', {}, 'Right'), `: ${nameOf(shown, known)}.`] : [element('b', {}, 'Not right'), `: you chose ${nameOf(shown, code)}; the answer is ${nameOf(shown, known)}.`];
  node.append(element('p', { class: 'verdict' }, ...words));
  if (!right && shown.guideline) node.append(element('p', { class: 'guideline' }, shown.guideline));
}

function send() {
  if (checked && standing) return show(standing);
  const now = task();
  if (!now) return;
  const open = now.attributes.find((name) => !chosen.has(name));
  if (open) {
    byId('result').textContent = `${attributeOf(open)?.title ?? open} has no answer yet.`;
    return mark(questions().find(({ dataset }) => dataset.attribute === open));
  }
  runExclusive(async () => {
    /** @type {{cells: CheckedCell[], qualification: Qualification}} */
    const { cells, qualification } = await call('POST', 'qualification/answers', { image_id: now.image_id, values: Object.fromEntries(chosen) });
    cells.forEach(showVerdict);
    checked = true;
    standing = qualification;
    const right = cells.filter((cell) => cell.right).length;
    byId('result').textContent = right === cells.length ? 'All right.' : `${right} of ${cells.length} right.`;
    find(byId('send'), 'span').textContent = 'Next';
    mark(undefined);
    byId('result').focus();
  }, '');
}

/** @param {string} digit */
function type(digit) {
  const name = marked()?.dataset.attribute;
  if (!name || checked) return;
  const values = /** @type {Attribute} */ (attributeOf(name)).values;
  const progress = typedCode(typed + digit, values);
  if (progress && !progress.more) return choose(name, progress.code);
  typed = progress ? typed + digit : '';
}

/** @param {KeyboardEvent} event */
function press(event) {
  if (byId('work').hidden) return;
  const [command, argument] = commandOf(event) ?? [];
  const target = closest(event, 'button, a, summary');
  if (command === 'accept' && target) return; // the element's own key
  /** @type {Record<string, () => void>} */
  const run = {
    accept: send,
    digit: () => type(argument),
    unsure: () => marked() && choose(marked()?.dataset.attribute ?? '', null),
    letter: () => mark(questions().find(({ dataset }) => attributeOf(dataset.attribute ?? '')?.key?.toLowerCase() === argument) ?? marked()),
    step: () => {
      const nodes = questions();
      const place = nodes.indexOf(/** @type {HTMLElement} */ (marked()));
      mark(nodes[(place + argument + nodes.length) % nodes.length]);
    },
  };
  if (!command || !(command in run)) return;
  event.preventDefault();
  run[command]();
}

async function load() {
  try {
    schema = (await call('GET', 'schema')).attributes;
    show(await call('GET', 'qualification'));
    byId('message').textContent = '';
    document.documentElement.dataset.state = 'ready';
  } catch (error) {
    byId('error').textContent = messageOf(error);
    byId('message').textContent = '';
  }
}

onSubmit(byId('answers', HTMLFormElement), send);
byId('start').addEventListener('click', () => runExclusive(async () => show(await call('POST', 'qualification/start', {})), ''));
document.addEventListener('keydown', press);
load();
