/** The part of the team page about the qualification of new labellers: its settings, and how they did. */
import { call } from '../lib/api.js';
import { runExclusive } from '../lib/busy.js';
import { byId, count, element, fieldOf, onSubmit, setDefaults } from '../lib/dom.js';
/** @import { Candidate, Team, TeamQualification } from '../types' */

const form = byId('qualify', HTMLFormElement);
let manages = false;

/** @param {Candidate} candidate */
function inWords({ qualified, state, attempts, answered, images, right, cells }) {
  const score = cells > 0 ? `${right.toLocaleString('en')} of ${cells.toLocaleString('en')} right` : '';
  const tries = attempts > 1 ? `attempt ${attempts}` : '';
  const now = qualified ? 'passed' : { ready: 'has not begun', running: `${answered} of ${images} answered`, failed: 'did not pass yet' }[state] ?? state;
  return [now, score, tries].filter(Boolean).join(', ');
}

/** @param {Candidate} candidate */
function listed(candidate) {
  const { id, name, qualified } = candidate;
  const button = element('button', { type: 'button', onclick: () => set(id, !qualified) }, qualified ? 'Ask again' : 'Let pass');
  return element('li', { 'data-candidate': name, 'data-qualified': String(qualified) }, element('b', {}, name), ` ${inWords(candidate)} `, manages ? button : '');
}

/** @param {TeamQualification} qualification */
function show({ images, pass_mark: mark, gold, people }) {
  setDefaults(form, { images, pass_mark: Number((100 * mark).toFixed(2)) });
  byId('usable-gold').textContent = gold === 0 ? 'There is no gold image with known values yet.' : `${count(gold, 'gold image')} can be asked. What somebody sees here is not asked blind of them later.`;
  byId('candidates').replaceChildren(...people.map(listed));
}

/**
 * @param {number} id
 * @param {boolean} qualified
 */
function set(id, qualified) {
  runExclusive(async () => {
    show(await call('POST', `team/members/${id}/qualified`, { qualified }));
    byId('qualification-title').focus();
  }, qualified ? 'Their answers count from now on.' : 'They must qualify again before their answers count.');
}

/**
 * Show the section to those who may see it.
 *
 * @param {Team} team
 */
export async function showQualification(team) {
  const shown = team.settings !== null && team.accounts;
  if (shown) {
    manages = team.manages;
    form.hidden = !manages;
    show(await call('GET', 'team/qualification'));
  }
  byId('qualification').hidden = !shown;
}

onSubmit(form, () => runExclusive(async () => {
  show(await call('POST', 'team/qualification', { images: Number(fieldOf(form, 'images').value), pass_mark: Number(fieldOf(form, 'pass_mark').value) / 100 }));
  form.reset();
}, 'The qualification is saved.'));
