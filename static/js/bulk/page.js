/** The sweep page's controller: what the labeller does → marks → outbox, and which page comes next. */
import { loadSchema } from '../lib/schema.js';
import { typedCode } from '../lib/keys.js';
import { Outbox } from '../lib/outbox.js';
import { ImageCache } from '../lib/image_cache.js';
import { ProjectStorage } from '../lib/storage.js';
import { Toolbar } from './toolbar.js';
import { FaceGrid } from '../lib/face_grid.js';
import { fillHelp } from './key_help.js';
import { BulkHistory } from './history.js';
import { commandOf } from './keys.js';
import { OUT } from '../lib/face_marks.js';
import { bodyOf, PageQueue } from './page_queue.js';
import { Tally } from './tally.js';
import { OutboxStatus } from '../lib/outbox_status.js';

const page = document.documentElement.dataset;
const at = (id) => document.getElementById(id);

class BulkPage {
  constructor(schema, local, session) {
    this.schema = schema.filter(({ kind }) => kind === 'categorical');
    this.history = new BulkHistory(session);
    this.outbox = new Outbox(local);
    this.supply = new PageQueue(session, this.outbox);
    this.pictures = new ImageCache();
    this.grid = new FaceGrid(at('faces'), this.pictures, (ids) => this.mark(ids, 'toggle'));
    this.bar = new Toolbar(at('bar'), this.schema, {
      onwish: (change) => this.wish(change), onanswer: (code) => this.choose(code),
    });
    this.unsent = new OutboxStatus(this.outbox, at('unsent'), at('refused'), (values) => Object.entries(values).map(([name, value]) => [name, String(value)]));
    this.tally = new Tally({ count: at('count'), session: at('session'), commit: at('commit-text') });
    Object.assign(this, { shown: null, typed: '', trouble: null, since: null, spent: 0 });
    this.listen();
  }

  listen() {
    addEventListener('keydown', (event) => this.key(event));
    addEventListener('keyup', (event) => event.key === ' ' && event.target.closest?.('.face') && event.preventDefault());
    addEventListener('pagehide', () => this.supply.keep());
    document.addEventListener('visibilitychange', () => this.clock(!document.hidden));
    // Clicking must not take the keyboard away from the faces.
    for (const part of [at('groups'), document.querySelector('.foot')]) {
      part.addEventListener('mousedown', (event) => event.target.closest('button') && event.preventDefault());
    }
    for (const button of document.querySelectorAll('[data-command]')) {
      button.addEventListener('click', () => this[button.dataset.command]());
    }
    this.pictures.addEventListener('change', () => this.render());
    this.supply.addEventListener('groups', ({ detail }) => this.grouped(detail));
    this.supply.addEventListener('filled', () => this.refresh(null));
    this.supply.addEventListener('trouble', ({ detail }) => this.refresh(detail));
    this.outbox.addEventListener('acknowledged', ({ detail }) => this.acknowledged(detail));
    this.outbox.addEventListener('calm', () => page.state === 'waiting' && this.supply.sync());
    this.outbox.addEventListener('change', () => this.state());
  }

  start() {
    const { wish } = this.supply;
    const known = wish && this.schema.some(({ name }) => name === wish.attribute);
    if (this.supply.current) this.refresh(null);
    if (known) this.supply.sync();
    else this.wish({ attribute: this.schema[0].name, value: undefined, order: 'doubtful', size: 24 });
    this.renderBar();
    fillHelp(at('help'), this.schema);
    this.outbox.send();
  }

  // ---- what is swept

  get attribute() {
    return this.schema.find(({ name }) => name === this.supply.wish?.attribute);
  }

  wish(change) {
    const before = this.supply.wish ?? {};
    const same = change.attribute === undefined || change.attribute === before.attribute;
    const wish = { ...before, ...(same ? {} : { value: undefined, answer: undefined }), ...change };
    this.say('');
    this.supply.change({ ...wish, answer: wish.value ?? wish.answer });
    this.refresh(null);
  }

  /** The groups are known: begin with the largest; where the model says nothing, in the order of the queue. */
  grouped(groups) {
    this.groups = groups;
    if (this.supply.wish.value === undefined) {
      const largest = [...groups].sort((a, b) => b.cells - a.cells)[0];
      this.wish({ value: largest && largest.cells > 0 ? largest.code : null });
    }
    this.renderBar();
  }

  /** The value that unmarked faces get, where the model says nothing. */
  choose(code) {
    this.supply.wish.answer = code;
    for (const one of this.supply.pages) one.answer = code;
    this.supply.keep();
    this.say('');
    this.renderBar();
    this.render();
  }

  /** PageUp, PageDown: the value before or after this one. */
  group(by) {
    const codes = this.attribute.values.map(({ code }) => code);
    const { value, answer } = this.supply.wish;
    const place = codes.indexOf(value ?? answer);
    const next = codes[(place + by + codes.length + (place < 0 && by < 0 ? 1 : 0)) % codes.length];
    if (value === null) this.choose(next);
    else this.wish({ value: next });
  }

  letter(letter) {
    const found = this.schema.find(({ key }) => key?.toLowerCase() === letter);
    if (found) this.wish({ attribute: found.name });
    else this.say(`No attribute of this page has the key ${letter.toUpperCase()}. The key ? shows all keys.`);
  }

  // ---- which page is on the screen

  refresh(trouble) {
    this.trouble = trouble;
    if (this.supply.current !== this.shown) this.show();
    else this.render();
    this.prepare();
  }

  show() {
    this.shown = this.supply.current;
    this.clock(!document.hidden, true);
    this.type('');
    this.prepare();
    this.grid.show(this.shown?.images ?? []);
    this.render();
    page.page = this.shown ? [this.shown.attribute, this.shown.value, ...this.shown.images.map(({ image_id: id }) => id)].join(' ') : '';
  }

  /** Fetch and decode the faces of the page on the screen and of the one after it. */
  prepare() {
    this.pictures.keep([], this.supply.images);
  }

  word(mark) {
    if (mark === OUT) return 'left out';
    if (mark === null) return "can't tell";
    return this.attribute.values.find(({ code }) => code === mark)?.name ?? '';
  }

  render() {
    if (this.shown) this.grid.render(this.shown, (mark) => this.word(mark));
    this.tally.render(this.shown, (mark) => this.word(mark));
    this.state();
  }

  renderBar() {
    if (this.attribute) this.bar.render(this.supply.wish, this.attribute, this.groups ?? []);
  }

  state() {
    page.state = this.shown ? (this.settled ? 'ready' : 'loading') : this.idle();
    for (const part of document.querySelectorAll('[data-show]')) part.hidden = !part.dataset.show.split(' ').includes(page.state);
    if (page.state === 'done') at('done-reason').textContent = this.reason();
    if (page.state === 'waiting') at('waiting-reason').textContent = `${this.trouble?.message ?? ''} What you kept is in this browser; it is sent by itself as soon as the server is back.`;
  }

  /** Whether every face can be seen, or cannot be shown at all. */
  get settled() {
    return this.shown.images.every((image) => this.pictures.of(image).ready || this.pictures.of(image).failed);
  }

  idle() {
    if (this.trouble) return 'waiting';
    return this.supply.dry ? 'done' : 'loading';
  }

  reason() {
    const { value } = this.supply.wish;
    const what = value === null ? `${this.attribute.title}: no face` : `${this.attribute.title}: no face that looks like “${this.word(value)}”`;
    return `${what} is left to sweep`;
  }

  acknowledged({ item, answer }) {
    if (item.kind === 'sweep undo') this.supply.setLeases(item.body.submission, answer.images);
    if (answer.opinions?.length > 0) this.say(`${answer.opinions.length} of these faces were somebody else's by now: your answer is kept as an extra opinion.`);
    this.supply.sync();
    this.render();
  }

  /** Count the time on this page only while it can be seen. */
  clock(running, anew = false) {
    if (this.since !== null) this.spent += performance.now() - this.since;
    if (anew) this.spent = 0;
    this.since = running && this.shown ? performance.now() : null;
  }

  // ---- keys and commands; a command is a method

  key(event) {
    const [command, ...values] = commandOf(event) ?? [];
    if (!command || (at('help').open && command !== 'help')) return;
    const control = event.target.closest?.('select, a, button:not(.face)');
    if (control && (['commit', 'toggle'].includes(command) || (control.matches('select') && command !== 'help'))) return;
    event.preventDefault();
    if (command === 'move') this.grid.move(...values, event.shiftKey);
    else this[command](...values);
    if (command === 'move') this.render();
  }

  mark(ids, how, ...mark) {
    if (!this.shown || ids.length === 0) return;
    this.shown.marks[how](ids, ...mark);
    this.type('');
    this.say('');
    this.grid.collapse();
    this.supply.keep();
    this.render();
  }

  toggle() {
    this.mark(this.grid.selection, 'toggle');
  }

  unsure() {
    this.give(null);
  }

  give(code) {
    this.mark(this.grid.selection, 'put', code === this.shown?.answer ? undefined : code);
  }

  digit(digit) {
    const typed = this.typed + digit;
    const found = typedCode(typed, this.attribute.values);
    if (found && !found.more) return this.give(found.code);
    this.type(found ? typed : '');
    this.say(found ? `${typed}… – another digit, or Enter.` : `${this.attribute.title} has no value ${typed}.`);
  }

  type(typed) {
    this.typed = typed;
  }

  leave() {
    this.type('');
    this.say('');
    this.grid.collapse();
    this.render();
  }

  /** Enter: the page is finished; first into the outbox, then the next one. */
  commit() {
    const half = this.typed && typedCode(this.typed, this.attribute.values);
    if (half && half.code !== null) return this.give(half.code);
    if (page.state !== 'ready') return; // nobody answers faces that cannot be seen
    if (this.shown.answer === undefined) return this.say('First choose the value that all faces get: PageDown, or a click on it.');
    const unseen = this.shown.images.filter((image) => this.pictures.of(image).failed).map(({ image_id: id }) => id);
    if (unseen.length > 0) this.shown.marks.put(unseen, OUT);
    this.clock(!document.hidden);
    const { images, marks } = this.shown;
    const body = bodyOf(this.shown, Math.round(this.spent));
    const key = this.send('sweep', images, body);
    if (!key) return;
    this.history.push({ ...this.shown, key, order: this.supply.wish.order, milliseconds: this.spent });
    this.tally.add(body);
    this.say('');
    this.supply.shift(images.map(({ image_id: id }) => id).filter((id) => marks.of(id) === OUT));
    this.show();
    this.supply.sync();
  }

  /** Backspace: the last mark on this page, else the page before it. */
  undo() {
    if (this.typed) return this.leave();
    if (this.shown?.marks.undo()) {
      this.supply.keep();
      return this.render();
    }
    const { last } = this.history;
    if (!last) return this.say('Nothing to take back: this is the first page of the session.');
    const { page: back, order, milliseconds, leftOut, body } = last;
    const refused = this.outbox.dropRefused(back.back); // then the server knows nothing of it
    if (!refused && !this.send('sweep undo', back.images, { submission: back.back, left_out: leftOut })) return;
    this.history.drop();
    const { attribute, value, answer } = back;
    const { wish } = this.supply;
    if (wish.attribute !== attribute || wish.value !== value) this.supply.change({ ...wish, attribute, value, answer, order });
    this.supply.unshift(refused ? { ...back, back: null } : back);
    this.tally.remove(body);
    this.renderBar();
    this.show();
    this.spent = milliseconds;
    this.say('The last page is back as you left it.');
  }

  /** Into the outbox. @returns {?string} the key; null if the browser cannot keep it: then nothing must go on */
  send(kind, images, body) {
    try {
      return this.outbox.add({ kind, image_id: null, image_name: `Page of ${images.length} faces`, body });
    } catch (error) {
      this.say(`This browser has no room to keep answers (${error.name}). Free space for this site, then try again.`);
      return null;
    }
  }

  say(text) {
    at('message').textContent = text;
  }

  help() {
    if (at('help').open) at('help').close();
    else at('help').showModal();
  }
}

new BulkPage(await loadSchema(at('message')), new ProjectStorage(localStorage, page.project), new ProjectStorage(sessionStorage, page.project)).start();
