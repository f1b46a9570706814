/** The insights page: what the labels and the rounds tell, at a glance and attribute by attribute. */
import { call } from '../lib/api.js';
import { count, element } from '../lib/dom.js';
import { attributeCard, verdict } from './attribute_card.js';
import { formatMetric, interval } from '../lib/interval.js';

const at = (id) => document.getElementById(id);
const whole = (number) => Math.round(number).toLocaleString('en');

function tile(title, value, note) {
  return element('div', { class: 'tile' }, element('dt', {}, title), element('dd', {}, element('b', {}, value), element('span', { class: 'muted' }, note)));
}

/** Hours as people say them. */
function duration(hours) {
  if (hours < 1) return `${Math.max(1, Math.round(60 * hours))} min`;
  return hours < 20 ? `${hours.toFixed(1)} h` : `${whole(hours)} h`;
}

function tiles({ pace, rounds, in_use: used, attributes }) {
  const shown = rounds.reduce((sum, round) => sum + round.accepted + round.corrected, 0);
  const taken = rounds.reduce((sum, round) => sum + round.accepted, 0);
  const done = attributes.filter(({ advice }) => advice.verdict === 'stop').length;
  return [
    tile('Attributes that can stop', `${done} of ${attributes.length}`, 'stable, measured, little to gain'),
    tile('Pace', pace.per_hour === null ? '–' : `${whole(pace.per_hour)} / h`, pace.per_hour === null ? 'nobody has answered here yet' : 'answers per hour of work, pauses left out'),
    tile('Left', pace.hours_left === null || pace.open_cells === 0 ? whole(pace.open_images) : duration(pace.hours_left), pace.open_images === 0 ? 'every image is done' : `${count(pace.open_cells, 'answer')} of ${count(pace.open_images, 'open image')}${pace.hours_left === null ? '' : ' at this pace'}`),
    tile('Suggestions taken', shown === 0 ? '–' : `${Math.round((100 * taken) / shown)} %`, shown === 0 ? 'none was shown yet' : `of ${count(shown, 'suggestion')} shown`),
    tile('Model in use', used === null ? '–' : `Round ${used}`, used === null ? 'no round yet' : `of ${count(rounds.length, 'round')}`),
  ];
}

function gainText(gain) {
  if (gain === null) return '–';
  return `+${(100 * gain.value).toFixed(1)}`;
}

/** One line per attribute: the figure, what more labels bring, what to do. */
function overview(attributes) {
  const row = (found) => {
    const newest = found.curve.at(-1) ?? { value: null, low: null, high: null, reason: 'no round yet' };
    const link = element('a', { href: `#of-${found.attribute}` }, found.title);
    return element('tr', { 'data-attribute': found.attribute }, element('th', { scope: 'row' }, link), element('td', { class: 'number' }, whole(found.labelled)),
      element('td', {}, interval(newest, { guide: 1 / Math.max(2, found.classes.length) })), element('td', { class: 'number' }, gainText(found.gain)),
      element('td', { class: 'number' }, found.changed === null ? '–' : `${(100 * found.changed).toFixed(1)} %`),
      element('td', { class: 'number' }, found.agreement?.value == null ? '–' : formatMetric(found.agreement.value)), element('td', {}, verdict(found.advice)));
  };
  const heads = [['Attribute'], ['Answers', 'number'], ['Balanced accuracy, audit set'], ['Next 100 labels', 'number'], ['Changed last round', 'number'], ['Agreement', 'number'], ['Advice']];
  return element('table', {}, element('thead', {}, element('tr', {}, ...heads.map(([text, kind]) => element('th', { scope: 'col', class: kind ?? null }, text)))),
    element('tbody', {}, ...attributes.map(row)));
}

/** A list of bars: `[name, share of the longest, words]`. */
function bars(rows) {
  return element('ul', { class: 'spread' }, ...rows.map(([name, share, words]) => {
    const filled = element('span', { 'data-split': 'train' });
    filled.style.inlineSize = `${100 * share}%`;
    return element('li', {}, element('span', { class: 'class' }, name), element('span', { class: 'split-bar', 'aria-hidden': 'true' }, filled), element('span', { class: 'number' }, words));
  }));
}

const LAST = 12; // days and rounds that are drawn; the CSV has all

function showWork({ pace, rounds }) {
  const days = pace.days.slice(-LAST).map(({ day, cells, hours }) => ({ day, cells, rate: hours > 0 ? cells / hours : 0 }));
  const fastest = Math.max(1, ...days.map(({ rate }) => rate));
  at('days').replaceChildren(days.length === 0 ? element('p', { class: 'muted' }, 'Nobody has answered here yet.')
    : bars(days.map(({ day, cells, rate }) => [day, rate / fastest, `${whole(rate)} / h, ${count(cells, 'answer')}`])));
  const shown = rounds.filter(({ accepted, corrected }) => accepted + corrected > 0).slice(-LAST);
  at('taken').replaceChildren(shown.length === 0 ? element('p', { class: 'muted' }, 'No suggestion was shown yet: they come with the first round.')
    : bars(shown.map(({ id, accepted, corrected }) => [`Round ${id}`, accepted / (accepted + corrected), `${Math.round((100 * accepted) / (accepted + corrected))} % of ${whole(accepted + corrected)}`])));
}

/** What the rule's choice is worth: a sentence, and what it rests on. */
function showSaved(found) {
  const words = found === null ? 'It is estimated after a round, from the tenth of the queue that is drawn at random.' : found.text;
  const note = found === null ? [] : [element('p', { class: 'muted' }, `After round ${found.round}. Heads trained on as many random as chosen images are compared on images of other people.`)];
  at('saved').replaceChildren(element('p', { class: found?.worth == null ? 'muted' : null }, words), ...note);
}

function state({ attributes, rounds }) {
  if (attributes.every(({ labelled }) => labelled === 0)) return 'Nothing is labelled yet. Label some images and start a round; then this page shows what they taught.';
  if (rounds.length === 0) return 'There are labels but no round yet. Start one on the page Rounds: then this page shows what was learned.';
  if (rounds.length === 1) return 'One round so far: its figures are here. The second one shows what more labels bring.';
  return '';
}

/** Try until the server answers: the page may have been opened before it. */
async function load() {
  try {
    const found = await call('GET', 'insights');
    at('tiles').replaceChildren(...tiles(found));
    at('overview').replaceChildren(overview(found.attributes));
    showWork(found);
    showSaved(found.labels_saved);
    at('attributes').replaceChildren(...found.attributes.map((attribute) => attributeCard(attribute, found.in_use)));
    at('message').textContent = state(found);
    at('error').textContent = '';
    at('content').hidden = false;
    document.documentElement.dataset.state = 'ready';
    if (location.hash) document.querySelector(`[id="${CSS.escape(decodeURIComponent(location.hash.slice(1)))}"]`)?.scrollIntoView();
  } catch (error) {
    at('error').textContent = error.message;
    setTimeout(load, 2000);
  }
}

load();
