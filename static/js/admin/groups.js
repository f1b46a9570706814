/** The groups page: which images stay together, what leaks between splits, and how a person joins or cuts them. */
import { call } from '../lib/api.js';
import { byId, count, element, find, findAll, messageOf, moment } from '../lib/dom.js';
import { postOnce, untilAnswered } from '../lib/retry.js';
import { groupName } from '../lib/schema.js';
import { SplitsCard } from './splits.js';
/** @import { Attribute, Group, GroupDecision, GroupImage, Leak, LeaksAnswer } from '../types' */

const PAGE = 60;

/** @param {string} id */
const button = (id) => byId(id, HTMLButtonElement);

/**
 * @param {Group} group
 * @returns {Promise<GroupImage[]>}
 */
async function imagesOf({ key }) {
  return (await call('GET', `groups/images?${new URLSearchParams({ key })}`)).images;
}

class GroupsPage {
  constructor() {
    /** @type {Attribute[]} */
    this.schema = []; // for the names of people
    this.after = 0; // place of the first group on the page
    /** @type {Group[]} */
    this.chosen = [];
    /** @type {GroupImage[]} */
    this.images = []; // of the group that is open
    /** @type {number[]} */
    this.pair = []; // images that are chosen in it
    /** @type {GroupDecision[]} */
    this.decisions = []; // of this visit
    this.splits = new SplitsCard(async (text) => {
      await this.list(this.after);
      this.close();
      byId('message').textContent = text;
    });
    byId('show-splits').addEventListener('click', () => this.trying(() => this.showSplits()));
    byId('balance').addEventListener('click', () => this.trying(() => this.splits.balance()));
    byId('leaks').addEventListener('click', () => this.trying(() => this.leaks()));
    byId('close').addEventListener('click', () => this.close());
    byId('cut').addEventListener('click', () => this.trying(() => this.decide('cut', this.pair[0], this.pair[1])));
    byId('join').addEventListener('click', () => this.trying(() => this.join()));
    byId('undo').addEventListener('click', () => this.trying(() => this.undo()));
    byId('previous').addEventListener('click', () => this.trying(() => this.list(Math.max(0, this.after - PAGE))));
    byId('next').addEventListener('click', () => this.trying(() => this.list(this.after + PAGE)));
  }

  /** @param {() => Promise<void>} action */
  async trying(action) {
    byId('error').textContent = '';
    try {
      await action();
    } catch (error) {
      byId('error').textContent = messageOf(error);
    }
  }

  async load() {
    this.schema = (await call('GET', 'schema')).attributes;
    await this.list();
  }

  async list(after = 0) {
    /** @type {{groups: Group[], total: number}} */
    const { groups, total } = await call('GET', `groups?after=${after}&limit=${PAGE}`);
    this.after = after;
    this.chosen = [];
    byId('list').replaceChildren(...groups.map((group) => this.card(group)));
    byId('message').textContent = total > 0 ? `${count(total, 'group')} with more than one image, largest first.`
      : 'No group has more than one image. Groups form when you name people or import videos, and when images are near-duplicates.';
    button('previous').disabled = after === 0;
    button('next').disabled = after + groups.length >= total;
    button('join').disabled = true;
    document.documentElement.dataset.state = 'ready';
  }

  /**
   * The name of its person or source, or that of its first image.
   *
   * @param {Group} group
   */
  nameOf(group) {
    return groupName(this.schema, group.key, group.image_name);
  }

  /** @param {Group} group */
  card(group) {
    const name = this.nameOf(group);
    const choose = element('button', { type: 'button', class: 'tile', 'aria-pressed': 'false', 'data-group': group.key },
      element('img', { src: group.image_url, alt: '', loading: 'lazy' }), element('span', { class: 'tile-name', title: group.key }, name),
      element('span', { class: 'tile-about' }, element('span', {}, count(group.images, 'image')), element('span', { class: 'mark' }, group.split)));
    choose.addEventListener('click', () => this.choose(group, choose));
    const open = element('button', { type: 'button', class: 'open-group', 'aria-label': `Open ${name}` }, 'Open');
    open.addEventListener('click', () => this.trying(() => this.open(group)));
    return element('li', {}, choose, open);
  }

  /**
   * @param {Group} group
   * @param {HTMLElement} tile
   */
  choose(group, tile) {
    const chosen = this.chosen.includes(group) ? this.chosen.filter((one) => one !== group) : [...this.chosen, group].slice(-2);
    this.chosen = chosen;
    for (const other of findAll(byId('list'), '.tile')) {
      other.setAttribute('aria-pressed', String(chosen.some((one) => one.key === other.dataset.group)));
    }
    button('join').disabled = chosen.length < 2;
    tile.focus();
  }

  /** @param {Group} group */
  async open(group) {
    const images = await imagesOf(group);
    this.images = images;
    this.pair = [];
    byId('group').hidden = false;
    byId('group-title').textContent = `${this.nameOf(group)}: ${count(group.images, 'image')}, ${group.split}`;
    find(byId('group'), '.grid').replaceChildren(...images.map((image) => this.picture(image)));
    button('cut').disabled = true;
    byId('close').focus();
  }

  /** @param {GroupImage} image */
  picture(image) {
    const first = this.images.find((one) => one.image_id === image.twin_of);
    const why = image.twin_of ? `near-duplicate of ${first ? first.image_name : `image ${image.twin_of}`}` : image.given_group ?? '';
    const choose = element('button', { type: 'button', class: 'tile', 'aria-pressed': 'false', 'data-image': image.image_id },
      element('img', { src: image.image_url, alt: '', loading: 'lazy' }), element('span', { class: 'tile-name' }, image.image_name),
      element('span', { class: 'by' }, why));
    choose.addEventListener('click', () => {
      const id = image.image_id;
      this.pair = this.pair.includes(id) ? this.pair.filter((one) => one !== id) : [...this.pair, id].slice(-2);
      for (const tile of findAll(byId('group'), '.tile')) {
        tile.setAttribute('aria-pressed', String(this.pair.includes(Number(tile.dataset.image))));
      }
      button('cut').disabled = this.pair.length < 2;
    });
    return element('li', {}, choose);
  }

  close() {
    byId('group').hidden = true;
    byId('report').hidden = true;
    this.splits.close();
  }

  async join() {
    const [first, second] = await Promise.all(this.chosen.map(async (group) => (await imagesOf(group))[0].image_id));
    await this.decide('join', first, second);
  }

  /**
   * @param {'join'|'cut'} kind
   * @param {number} first
   * @param {number} second
   */
  async decide(kind, first, second) {
    const { answer } = await postOnce('groups/decisions', { kind, first_id: first, second_id: second });
    this.decisions.push(answer);
    await this.decided(kind === 'join' ? 'Joined. All images of both groups are now in one split.' : 'Separated. The two images no longer count as one picture.', answer);
  }

  async undo() {
    const last = this.decisions.at(-1);
    if (!last) return;
    /** @type {GroupDecision} */
    const answer = await call('POST', `groups/decisions/${last.id}/undo`, {});
    this.decisions.pop();
    await this.decided('Undone.', answer);
  }

  /**
   * @param {string} text
   * @param {GroupDecision} decision
   */
  async decided(text, { settled }) {
    button('undo').disabled = this.decisions.length === 0;
    this.close();
    await this.list(this.after);
    byId('message').textContent = settled ? text : `${text} The groups are updated in the background.`;
  }

  async leaks() {
    byId('message').textContent = 'Checking all images …';
    /** @type {LeaksAnswer} */
    const { groups, leaks, counted_at: countedAt, counting } = await call('GET', 'groups/leaks');
    if (counting) {
      byId('message').textContent = 'The images are being checked in the background. Check again in a minute.';
      return;
    }
    const rows = leaks.map((leak) => this.leak(leak));
    byId('report').hidden = false;
    find(byId('report'), '.pairs').replaceChildren(...(rows.length ? rows : [element('li', {}, 'No leaks: no person, video, photo or picture is in two splits.')]));
    byId('message').textContent = groups.length ? `${count(groups.length, 'group')} in two splits.` : `${count(leaks.length, 'pair')} in two splits.`;
    if (countedAt) byId('message').append(' As of ', moment(countedAt), '.');
  }

  async showSplits() {
    byId('message').textContent = 'Counting values and comparing splits …';
    this.close();
    try {
      await this.splits.open();
    } finally {
      byId('message').textContent = '';
    }
  }

  /** @param {Leak} leak */
  leak({ why, first, second, splits }) {
    const act = (/** @type {'join'|'cut'} */ kind, /** @type {string} */ text) => element('button', { type: 'button', 'data-needs': 'reviewer',
      onclick: () => this.trying(() => this.decide(kind, first.image_id, second.image_id)) }, text);
    const img = (/** @type {GroupImage} */ image) => element('img', { src: image.image_url, alt: image.image_name, loading: 'lazy' });
    return element('li', { 'data-leak': '' }, img(first), img(second),
      element('p', {}, `${why}: ${first.image_name} is in ${splits[0]}, ${second.image_name} is in ${splits[1]}.`),
      act('join', 'Join'), act('cut', 'Not the same picture'));
  }
}

const page = new GroupsPage();
await untilAnswered(() => page.load(), ({ message }) => { byId('error').textContent = message; });
