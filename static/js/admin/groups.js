/** The groups page: which images stay together, what leaks between splits, and how a person joins or cuts them. */
import { call } from '../lib/api.js';
import { count, element, moment } from '../lib/dom.js';
import { postOnce } from '../lib/retry.js';
import { SplitsCard } from './splits.js';

const PAGE = 60;
const at = (id) => document.getElementById(id);

class GroupsPage {
  constructor() {
    Object.assign(this, { after: 0, total: 0, groups: [], chosen: [], images: [], pair: [], decisions: [] });
    this.splits = new SplitsCard((told) => this.list(this.after).then(() => { this.close(); at('message').textContent = told; }));
    at('show-splits').addEventListener('click', () => this.trying(() => this.showSplits()));
    at('balance').addEventListener('click', () => this.trying(() => this.splits.balance()));
    at('leaks').addEventListener('click', () => this.trying(() => this.leaks()));
    at('close').addEventListener('click', () => this.close());
    at('cut').addEventListener('click', () => this.trying(() => this.decide('cut', ...this.pair)));
    at('join').addEventListener('click', () => this.trying(() => this.join()));
    at('undo').addEventListener('click', () => this.trying(() => this.undo()));
    at('previous').addEventListener('click', () => this.trying(() => this.list(Math.max(0, this.after - PAGE))));
    at('next').addEventListener('click', () => this.trying(() => this.list(this.after + PAGE)));
  }

  async trying(action) {
    at('error').textContent = '';
    try {
      await action();
    } catch (error) {
      at('error').textContent = error.message;
    }
  }

  async list(after = 0) {
    const { groups, total } = await call('GET', `groups?after=${after}&limit=${PAGE}`);
    Object.assign(this, { after, total, groups, chosen: [] });
    at('list').replaceChildren(...groups.map((group) => this.card(group)));
    at('message').textContent = total > 0 ? `${count(total, 'group')} with more than one image, the largest first.`
      : 'No group holds more than one image. Naming people, importing videos and near-duplicates make groups.';
    at('previous').disabled = after === 0;
    at('next').disabled = after + groups.length >= total;
    at('join').disabled = true;
    document.documentElement.dataset.state = 'ready';
  }

  card(group) {
    const choose = element('button', { type: 'button', class: 'tile', 'aria-pressed': 'false', 'data-group': group.key },
      element('img', { src: group.image_url, alt: '', loading: 'lazy' }), element('span', { class: 'tile-name' }, group.key),
      element('span', { class: 'tile-about' }, element('span', {}, count(group.images, 'image')), element('span', { class: 'mark' }, group.split)));
    choose.addEventListener('click', () => this.choose(group, choose));
    const open = element('button', { type: 'button', class: 'open-group', 'aria-label': `Open ${group.key}` }, 'Open');
    open.addEventListener('click', () => this.trying(() => this.open(group)));
    return element('li', {}, choose, open);
  }

  choose(group, button) {
    const chosen = this.chosen.includes(group) ? this.chosen.filter((one) => one !== group) : [...this.chosen, group].slice(-2);
    this.chosen = chosen;
    for (const tile of at('list').querySelectorAll('.tile')) {
      tile.setAttribute('aria-pressed', String(chosen.some((one) => one.key === tile.dataset.group)));
    }
    at('join').disabled = chosen.length < 2;
    button.focus();
  }

  async open(group) {
    const { images } = await call('GET', `groups/images?${new URLSearchParams({ key: group.key })}`);
    Object.assign(this, { images, pair: [] });
    at('group').hidden = false;
    at('group-title').textContent = `${group.key}: ${count(group.images, 'image')}, ${group.split}`;
    at('group').querySelector('.grid').replaceChildren(...images.map((image) => this.picture(image)));
    at('cut').disabled = true;
    at('close').focus();
  }

  picture(image) {
    const first = this.images.find((one) => one.image_id === image.twin_of);
    const why = image.twin_of ? `repeats ${first ? first.image_name : `image ${image.twin_of}`}` : image.given_group ?? '';
    const button = element('button', { type: 'button', class: 'tile', 'aria-pressed': 'false', 'data-image': image.image_id },
      element('img', { src: image.image_url, alt: '', loading: 'lazy' }), element('span', { class: 'tile-name' }, image.image_name),
      element('span', { class: 'by' }, why));
    button.addEventListener('click', () => {
      const id = image.image_id;
      this.pair = this.pair.includes(id) ? this.pair.filter((one) => one !== id) : [...this.pair, id].slice(-2);
      for (const tile of at('group').querySelectorAll('.tile')) {
        tile.setAttribute('aria-pressed', String(this.pair.includes(Number(tile.dataset.image))));
      }
      at('cut').disabled = this.pair.length < 2;
    });
    return element('li', {}, button);
  }

  close() {
    at('group').hidden = true;
    at('report').hidden = true;
    this.splits.close();
  }

  async join() {
    const firsts = await Promise.all(this.chosen.map(async ({ key }) => {
      const { images } = await call('GET', `groups/images?${new URLSearchParams({ key })}`);
      return images[0].image_id;
    }));
    await this.decide('join', ...firsts);
  }

  async decide(kind, first, second) {
    const { answer } = await postOnce('groups/decisions', { kind, first_id: first, second_id: second });
    this.decisions.push(answer);
    await this.after_decision(kind === 'join' ? 'Joined: they stay in one split from now on.' : 'Cut: they are no longer taken for one picture.', answer);
  }

  async undo() {
    const last = this.decisions.at(-1);
    const answer = await call('POST', `groups/decisions/${last.id}/undo`, {});
    this.decisions.pop();
    await this.after_decision('Taken back.', answer);
  }

  async after_decision(text, { settled }) {
    at('undo').disabled = this.decisions.length === 0;
    this.close();
    await this.list(this.after);
    at('message').textContent = settled ? text : `${text} The groups shown here follow in the background.`;
  }

  async leaks() {
    at('message').textContent = 'Looking at all images …';
    const { groups, leaks, counted_at: countedAt, counting } = await call('GET', 'groups/leaks');
    if (counting) {
      at('message').textContent = 'The images are being looked at in the background. Ask again in a minute.';
      return;
    }
    const rows = leaks.map((leak) => this.leak(leak));
    at('report').hidden = false;
    at('report').querySelector('.pairs').replaceChildren(...(rows.length ? rows : [element('li', {}, 'Nothing: no person, video, photo or picture is in two splits.')]));
    at('message').textContent = groups.length ? `${count(groups.length, 'group')} in two splits.` : `${count(leaks.length, 'pair')} in two splits.`;
    if (countedAt) at('message').append(' As of ', moment(countedAt), '.');
  }

  async showSplits() {
    at('message').textContent = 'Counting values and trying seeds …';
    this.close();
    try {
      await this.splits.open();
    } finally {
      at('message').textContent = '';
    }
  }

  leak({ why, first, second, splits }) {
    const act = (kind, text) => {
      const button = element('button', { type: 'button' }, text);
      button.addEventListener('click', () => this.trying(() => this.decide(kind, first.image_id, second.image_id)));
      return button;
    };
    const img = (image) => element('img', { src: image.image_url, alt: image.image_name, loading: 'lazy' });
    return element('li', { 'data-leak': '' }, img(first), img(second),
      element('p', {}, `${why}: ${first.image_name} is ${splits[0]}, ${second.image_name} is ${splits[1]}.`),
      act('join', 'Join'), act('cut', 'Not the same'));
  }
}

const page = new GroupsPage();
const load = () => page.list().catch((error) => {
  at('error').textContent = error.message;
  setTimeout(load, 2000);
});
load();
