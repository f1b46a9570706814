/** The page of the access log: entries of an account or a kind, newest first. */
import { call } from '../lib/api.js';
import { runLoad } from '../lib/busy.js';
import { byId, element, fieldOf, moment } from '../lib/dom.js';
/** @import { AccessLog, Team } from '../types' */

const form = byId('filter', HTMLFormElement);
const older = byId('older');
/** @type {number|null} */
let next = null; // where older entries begin

/** @param {AccessLog['entries'][number]} entry */
function row({ at, who, event, target, address }) {
  return element('tr', { 'data-event': event },
    element('td', {}, moment(at)), element('td', {}, who || '–'), element('td', {}, event), element('td', {}, target), element('td', {}, address));
}

/** @param {boolean} more whether to add older entries to those that are shown */
async function show(more) {
  const query = new URLSearchParams();
  for (const name of ['account', 'kind']) if (fieldOf(form, name).value) query.set(name, fieldOf(form, name).value);
  if (more && next !== null) query.set('before', String(next));
  /** @type {AccessLog} */
  const log = await call('GET', `access-log?${query}`);
  const rows = log.entries.map(row);
  if (more) byId('entries').append(...rows);
  else byId('entries').replaceChildren(...rows);
  next = log.next;
  older.hidden = next === null;
  byId('none').hidden = byId('entries').children.length > 0;
}

async function load() {
  /** @type {Team} */
  const team = await call('GET', 'team');
  const options = team.members.map(({ id, name }) => element('option', { value: id }, name));
  fieldOf(form, 'account').append(...options);
  await show(false);
}

form.addEventListener('change', () => runLoad(() => show(false)));
older.addEventListener('click', () => runLoad(() => show(true)));
runLoad(load);
