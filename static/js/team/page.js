/** The team page: the labellers' work, their agreement, the quality settings, and accounts. */
import { call } from '../lib/api.js';
import { loadSchema } from '../lib/schema.js';
import { byId, count, element, find, findAll, moment, onSubmit, setDefaults } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
import { runExclusive, runLoad } from '../lib/busy.js';
import { secretNode } from './access_lists.js';
import { accountNode } from './accounts.js';
import { showAssignments } from './assign.js';
import { showQualification } from './qualification.js';
import { showTakeBack } from './take_back.js';
import { agreementTable, anchoringTable, membersTable } from './tables.js';
import { ownUrl } from '../lib/urls.js';
/** @import { Aggregation, Team } from '../types' */
/** @import { AccountActions } from './accounts.js' */

const settingsForm = byId('agree', HTMLFormElement);
const TOKEN_DAYS = 365; // the command makes tokens that last longer
/** @type {Map<string, string>} */
let titles = new Map(); // of the attributes, by name

/** @param {Team} team */
function showSettings(team) {
  byId('settings').hidden = team.settings === null;
  if (team.settings === null) return;
  const percent = (/** @type {number} */ share) => Number((100 * share).toFixed(4));
  setDefaults(settingsForm, {
    overlap_share: percent(team.settings.overlap_share),
    overlap_opinions: team.settings.overlap_opinions,
    overlap_confidence: percent(team.settings.overlap_confidence),
    gold_share: percent(team.settings.gold_share),
    relabel_share: percent(team.settings.relabel_share),
    withhold_share: percent(team.settings.withhold_share),
    aggregation: team.settings.aggregation,
  });
  byId('wanted').textContent = team.wanted === 0 ? 'No image needs another answer.' : `Another answer is needed for ${count(team.wanted, 'image')}.`;
  byId('gold').textContent = team.gold === 0 ? 'No gold images yet. Adjudicate an image on its page in Browse, then make it gold.' : `${count(team.gold, 'image')} with known answers.${team.settings.gold_share === 0 ? ' Nobody is asked them: the share is 0 %.' : ''}`;
}

/** @param {Team} team */
function showAccounts(team) {
  byId('begin').hidden = team.accounts;
  byId('accounts').hidden = !team.accounts || !team.manages;
  const opened = new Set(findAll(document, '.account[open]').map((node) => node.dataset.account));
  const nodes = team.members.filter((member) => member.has_password).map((member) => accountNode(member, act));
  nodes.filter((node) => opened.has(node.dataset.account)).forEach((node) => node.setAttribute('open', ''));
  byId('account-list').replaceChildren(...nodes);
}

async function refresh() {
  /** @type {Team} */
  const team = await call('GET', 'team');
  byId('members').replaceChildren(membersTable(team.members));
  byId('agreement').hidden = team.attributes.length === 0 || !team.attributes.some(({ images }) => images > 0);
  byId('attributes').replaceChildren(agreementTable(team.attributes, titles));
  const noise = team.noise.filter(({ text }) => text !== '');
  byId('noise').hidden = noise.length === 0;
  byId('noise-list').replaceChildren(...noise.map(({ attribute, text }) => element('li', { 'data-attribute': attribute }, text)));
  byId('anchoring').hidden = team.anchoring.length === 0;
  byId('followed').replaceChildren(anchoringTable(team.anchoring, titles));
  byId('counted').hidden = team.counted_at === null && !team.counting;
  byId('counted').replaceChildren(...(team.counting ? ['The numbers are being counted in the background. Reload in a minute.'] : ['As of ', moment(team.counted_at), '.']));
  showSettings(team);
  showAccounts(team);
  await showAssignments(team, titles);
  await showQualification(team);
  await showTakeBack(team);
}

/** @type {AccountActions} */
const act = {
  change: (id, what) => runExclusive(async () => {
    await call('POST', `team/members/${id}`, what);
    await refresh();
  }, 'Changed.'),
  logout: (id) => runExclusive(async () => {
    await call('POST', `team/members/${id}/sessions/end`, {});
    await refresh();
  }, 'Logged out everywhere. Its tokens stay.'),
  remove: (id, forgetName) => runExclusive(async () => {
    await call('POST', `team/members/${id}/delete`, { forget_name: forgetName });
    await refresh();
  }, 'The account is deleted. Its answers stay.'),
  token: (id, purpose, scope) => runExclusive(async () => {
    const { token } = await call('POST', `team/members/${id}/tokens`, { purpose, scope, days: TOKEN_DAYS });
    await refresh();
    const secret = secretNode(token);
    find(document, `.account[data-id="${id}"]`).append(secret);
    secret.focus();
  }, 'The token is created.'),
  revoke: (id) => runExclusive(async () => {
    await call('POST', `team/tokens/${id}/revoke`, {});
    await refresh();
  }, 'Revoked.'),
};

function begin() {
  runExclusive(async () => {
    await call('POST', 'team/members', { ...Object.fromEntries(new FormData(byId('first', HTMLFormElement))), role: 'admin' });
    location.assign(ownUrl(`/login?next=${encodeURIComponent(location.pathname)}`));
  });
}

function add() {
  runExclusive(async () => {
    const { name } = await call('POST', 'team/members', Object.fromEntries(new FormData(byId('add', HTMLFormElement))));
    byId('add', HTMLFormElement).reset();
    await refresh();
    findAll(document, `.account[data-account="${CSS.escape(name)}"] summary`)[0]?.focus();
  }, 'The account is created.');
}

function agree() {
  const settings = new FormData(settingsForm);
  const number = (/** @type {string} */ name) => Number(settings.get(name));
  runExclusive(async () => {
    await call('POST', 'team/settings', {
      overlap_share: number('overlap_share') / 100, overlap_opinions: number('overlap_opinions'),
      overlap_confidence: number('overlap_confidence') / 100,
      gold_share: number('gold_share') / 100, relabel_share: number('relabel_share') / 100,
      withhold_share: number('withhold_share') / 100, aggregation: settings.get('aggregation') });
    await refresh();
    settingsForm.reset();
  }, 'The settings are saved.');
}

/**
 * @param {Aggregation} aggregation
 * @param {boolean} done
 */
function words({ cells, changed, undecided }, done) {
  if (cells === 0) return 'No cell has several answers yet.';
  const open = undecided === 0 ? '' : ` ${count(undecided, 'cell')} without a clear answer ${done ? 'wait' : 'would wait'} in Review.`;
  return `Of ${count(cells, 'cell')} with several answers, ${count(changed, 'label')} ${done ? 'changed' : 'would change'}.${open}`;
}

function preview() {
  runExclusive(async () => {
    /** @type {Aggregation} */
    const aggregation = await call('GET', 'team/aggregation');
    byId('aggregation').textContent = words(aggregation, false);
    byId('aggregate').hidden = aggregation.cells === 0;
  });
}

function aggregate() {
  runExclusive(async () => {
    const { answer } = await postOnce('team/aggregation', {});
    byId('aggregation').textContent = words(answer, true);
    byId('aggregate').hidden = true;
    byId('preview').focus();
  });
}

async function load() {
  titles = new Map((await loadSchema(byId('message'))).map(({ name, title }) => [name, title]));
  await refresh();
}

onSubmit(byId('first', HTMLFormElement), begin);
onSubmit(byId('add', HTMLFormElement), add);
onSubmit(settingsForm, agree);
byId('preview').addEventListener('click', preview);
byId('aggregate').addEventListener('click', aggregate);
runLoad(load);
