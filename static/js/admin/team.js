/** The team page: who labels how, how far they agree, what was agreed on, and accounts. */
import { call } from '../lib/api.js';
import { loadSchema } from '../lib/schema.js';
import { count, element, moment, onSubmit } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
import { runExclusive } from '../lib/busy.js';
import { accountNode } from './team_accounts.js';
import { agreementTable, membersTable } from './team_tables.js';

const at = (id) => document.getElementById(id);
let titles = new Map();

function showSettings(team) {
  at('settings').hidden = team.settings === null;
  if (team.settings === null) return;
  const { elements } = at('agree');
  elements.overlap_share.value = Number((100 * team.settings.overlap_share).toFixed(4));
  elements.overlap_opinions.value = team.settings.overlap_opinions;
  elements.gold_share.value = Number((100 * team.settings.gold_share).toFixed(4));
  elements.relabel_share.value = Number((100 * team.settings.relabel_share).toFixed(4));
  elements.aggregation.value = team.settings.aggregation;
  at('wanted').textContent = team.wanted === 0 ? 'No image waits for a further answer.' : `${count(team.wanted, 'image')} wait for a further answer.`;
  at('gold').textContent = team.gold === 0 ? 'No image is gold yet: decide an image on its page in Browse, then make it gold.' : `${count(team.gold, 'image')} with known answers.`;
}

function showAccounts(team) {
  at('begin').hidden = team.accounts;
  at('accounts').hidden = !team.accounts || !team.manages;
  const opened = new Set([...document.querySelectorAll('.account[open]')].map((node) => node.dataset.account));
  const nodes = team.members.filter((member) => member.has_password).map((member) => accountNode(member, act));
  nodes.filter((node) => opened.has(node.dataset.account)).forEach((node) => node.setAttribute('open', ''));
  at('account-list').replaceChildren(...nodes);
}

async function refresh() {
  const team = await call('GET', 'team');
  at('members').replaceChildren(membersTable(team.members));
  at('agreement').hidden = team.attributes.length === 0 || !team.attributes.some(({ images }) => images > 0);
  at('attributes').replaceChildren(agreementTable(team.attributes, titles));
  const known = team.noise.filter(({ text }) => text !== '');
  at('noise').hidden = known.length === 0;
  at('noise-list').replaceChildren(...known.map(({ attribute, text }) => element('li', { 'data-attribute': attribute }, text)));
  at('counted').hidden = team.counted_at === null && !team.counting;
  at('counted').replaceChildren(...(team.counting ? ['The figures are being counted in the background: look again in a minute.'] : ['As of ', moment(team.counted_at), '.']));
  showSettings(team);
  showAccounts(team);
}

const act = {
  change: (id, what) => runExclusive(async () => {
    await call('POST', `team/members/${id}`, what);
    await refresh();
  }, 'Changed.'),
  token: (id, purpose) => runExclusive(async () => {
    const { token } = await call('POST', `team/members/${id}/tokens`, { purpose });
    await refresh();
    const secret = element('p', { class: 'secret', tabindex: -1 }, 'This is the only time that the token is shown: ', element('code', {}, token));
    document.querySelector(`.account[data-id="${id}"] .tokens`).before(secret);
    secret.focus();
  }, 'The token is made.'),
  revoke: (id) => runExclusive(async () => {
    await call('POST', `team/tokens/${id}/revoke`, {});
    await refresh();
  }, 'Revoked.'),
};

function begin() {
  runExclusive(async () => {
    await call('POST', 'team/members', { ...Object.fromEntries(new FormData(at('first'))), role: 'admin' });
    location.assign('/login?next=/team');
  });
}

function add() {
  runExclusive(async () => {
    const { name } = await call('POST', 'team/members', Object.fromEntries(new FormData(at('add'))));
    at('add').reset();
    await refresh();
    document.querySelector(`.account[data-account="${CSS.escape(name)}"] summary`)?.focus();
  }, 'The account is made.');
}

function agree() {
  const given = new FormData(at('agree'));
  runExclusive(async () => {
    await call('POST', 'team/settings', {
      overlap_share: Number(given.get('overlap_share')) / 100, overlap_opinions: Number(given.get('overlap_opinions')),
      gold_share: Number(given.get('gold_share')) / 100, relabel_share: Number(given.get('relabel_share')) / 100,
      aggregation: given.get('aggregation') });
    await refresh();
  }, 'The settings are saved.');
}

function words({ cells, changed, undecided }, done) {
  if (cells === 0) return 'No cell has several answers yet.';
  const open = undecided === 0 ? '' : ` ${count(undecided, 'cell')} without a clear answer ${done ? 'wait' : 'would wait'} in Review.`;
  return `Of ${count(cells, 'cell')} with several answers, ${count(changed, 'label')} ${done ? 'changed' : 'would change'}.${open}`;
}

function preview() {
  runExclusive(async () => {
    const found = await call('GET', 'team/aggregation');
    at('aggregation').textContent = words(found, false);
    at('aggregate').hidden = found.cells === 0;
  });
}

function aggregate() {
  runExclusive(async () => {
    const { answer } = await postOnce('team/aggregation', {});
    at('aggregation').textContent = words(answer, true);
    at('aggregate').hidden = true;
    at('preview').focus();
  });
}

async function load() {
  titles = new Map((await loadSchema(at('message'))).map(({ name, title }) => [name, title]));
  await runExclusive(refresh);
}

onSubmit(at('first'), begin);
onSubmit(at('add'), add);
onSubmit(at('agree'), agree);
at('preview').addEventListener('click', preview);
at('aggregate').addEventListener('click', aggregate);
load();
