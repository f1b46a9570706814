/** The sweep page's controller: what the labeller does → marks → outbox, and which page comes next. */
import { byId, closest, count, find, findAll } from '../lib/dom.js';
import { someExcludedText } from '../lib/exclude/words.js';
import { thumbnailOf } from '../lib/face_crop.js';
import { FaceGrid } from '../lib/face_grid.js';
import { NOT, OUT } from '../lib/face_marks.js';
import { ImageCache } from '../lib/image_cache.js';
import { typedCode } from '../lib/keys.js';
import { Outbox } from '../lib/outbox.js';
import { OutboxStatus } from '../lib/outbox_status.js';
import { answersInWords, loadSchema } from '../lib/schema.js';
import { ProjectStorage } from '../lib/storage.js';
import { PageCounts } from './counts.js';
import { BulkHistory } from './history.js';
import { fillHelp, toggleHelp } from './key_help.js';
import { codeAfter, commandOf } from './keys.js';
import { bodyOf, leftOutOf, PageQueue } from './page_queue.js';
import { SearchStatus, wishOfAddress } from './search.js';
import { Toolbar } from './toolbar.js';
/** @import { ApiError } from '../lib/api.js' */
/** @import { Mark } from '../lib/face_marks.js' */
/** @import { Attribute, Code, NewOutboxItem, OutboxItem, SweepGroup } from '../types' */
/** @import { Page, PageImage, Wish } from './page_queue.js' */

const page = document.documentElement.dataset;
const project = page.project ?? '';

class BulkPage {
  /**
   * @param {Attribute[]} schema
   * @param {ProjectStorage} local shared by tabs
   * @param {ProjectStorage} session this tab's
   */
  constructor(schema, local, session) {
    this.schema = schema.filter(({ kind }) => kind === 'categorical');
    this.history = new BulkHistory(session);
    this.outbox = new Outbox(local);
    this.queue = new PageQueue(session, this.outbox);
    this.images = new ImageCache(thumbnailOf);
    this.grid = new FaceGrid(byId('faces'), this.images, (ids) => this.toggle(ids));
    this.toolbar = new Toolbar(byId('bar'), this.schema, { onwish: (change) => this.wish(change), onanswer: (code) => this.choose(code) });
    this.status = new OutboxStatus(this.outbox, byId('unsent'), byId('refused'), (values) => answersInWords(schema, values));
    this.searching = new SearchStatus(byId('search'));
    this.counts = new PageCounts({ count: byId('count'), session: byId('session'), commit: byId('commit-text') });
    /** What each key and button does. @type {Record<string, (...values: any[]) => void>} */
    this.commands = {
      commit: () => this.commit(),
      skip: () => this.skip(),
      toggle: () => this.toggle(),
      unsure: () => this.give(null),
      digit: (digit) => this.digit(digit),
      letter: (letter) => this.letter(letter),
      group: (by) => this.group(by),
      undo: () => this.undo(),
      leave: () => this.leave(),
      help: () => toggleHelp(byId('help', HTMLDialogElement)),
    };
    /** @type {SweepGroup[]} */
    this.groups = [];
    /** @type {?Page} */
    this.shown = null;
    this.typed = ''; // digits of a code that may be incomplete
    /** @type {?ApiError} */
    this.trouble = null;
    /** @type {?number} */
    this.since = null; // when the page on the screen began to count its time
    this.spent = 0; // milliseconds on it before that
    this.listen();
  }

  listen() {
    addEventListener('keydown', (event) => this.press(event));
    addEventListener('keyup', (event) => event.key === ' ' && closest(event, '.face') && event.preventDefault());
    addEventListener('pagehide', () => this.queue.keep());
    document.addEventListener('visibilitychange', () => this.clock(!document.hidden));
    // Clicking must not take the keyboard away from the faces.
    for (const part of [byId('groups'), find(document, '.foot')]) {
      part.addEventListener('mousedown', (event) => closest(event, 'button') && event.preventDefault());
    }
    for (const button of findAll(document, '[data-command]')) {
      button.addEventListener('click', () => this.commands[button.dataset.command ?? '']());
    }
    this.images.on('change', () => this.render());
    this.queue.on('groups', (groups) => this.grouped(groups));
    this.queue.on('search', (search) => this.searching.learn(search));
    this.queue.on('filled', () => this.refresh(null));
    this.queue.on('trouble', (error) => this.refresh(error));
    this.outbox.on('acknowledged', ({ item, answer }) => this.acknowledged(item, answer));
    this.outbox.on('calm', () => page.state === 'waiting' && this.queue.sync());
    this.outbox.on('change', () => this.state());
  }

  start() {
    if (this.queue.current) this.refresh(null);
    const asked = wishOfAddress(this.queue.wish);
    if (asked && this.schema.some(({ name }) => name === asked.attribute)) this.wish({ size: 24, ...asked });
    else if (this.attribute) this.queue.sync();
    else this.wish({ attribute: this.schema[0].name, value: undefined, order: 'doubtful', size: 24 });
    this.renderToolbar();
    fillHelp(byId('help', HTMLDialogElement), this.schema);
    this.outbox.send();
  }

  // ---- what is swept

  get attribute() {
    return this.schema.find(({ name }) => name === this.queue.wish?.attribute);
  }

  /** @param {Partial<Wish>} change */
  wish(change) {
    const { wish } = this.queue;
    const same = change.attribute === undefined || change.attribute === wish?.attribute;
    const { value, answer, ...rest } = /** @type {Wish} */ ({ ...wish, ...(same ? {} : { value: undefined, answer: undefined }), ...change });
    this.say('');
    this.queue.change({ ...rest, value, answer: value ?? answer });
    this.refresh(null);
  }

  /**
   * The groups have arrived: start with the largest one, or in the order of the queue if there are no predictions.
   *
   * @param {SweepGroup[]} groups
   */
  grouped(groups) {
    this.groups = groups;
    const { value, order } = this.queue.wish ?? {};
    const [largest, ...others] = [...groups].sort((a, b) => b.cells - a.cells);
    if (order === 'find' && typeof value !== 'number') this.wish({ value: others.at(-1)?.code ?? this.attribute?.values.at(-1)?.code });
    else if (value === undefined) this.wish({ value: largest?.cells > 0 ? largest.code : null });
    this.renderToolbar();
  }

  /**
   * Choose the value for all unmarked faces, if there are no predictions.
   *
   * @param {number} code
   */
  choose(code) {
    if (this.queue.wish) this.queue.wish.answer = code;
    for (const one of this.queue.pages) one.answer = code;
    this.queue.keep();
    this.say('');
    this.renderToolbar();
    this.render();
  }

  /**
   * PageUp, PageDown: the value before or after this one.
   *
   * @param {1|-1} by
   */
  group(by) {
    const { wish } = this.queue;
    if (!this.attribute || !wish) return;
    const next = codeAfter(this.attribute.values, wish.value ?? wish.answer, by);
    if (wish.value === null) this.choose(next);
    else this.wish({ value: next });
  }

  /** @param {string} letter */
  letter(letter) {
    const attribute = this.schema.find(({ key }) => key?.toLowerCase() === letter);
    if (attribute) this.wish({ attribute: attribute.name });
    else this.say(`No attribute of this page has the key ${letter.toUpperCase()}. Press ? to see all keys.`);
  }

  // ---- which page is on the screen

  /** @param {?ApiError} trouble */
  refresh(trouble) {
    this.trouble = trouble;
    this.images.keep([], this.queue.images); // of the page on the screen and of the one after it
    if (this.queue.current === this.shown) this.render();
    else this.show();
  }

  show() {
    const shown = this.queue.current;
    this.shown = shown;
    this.clock(!document.hidden, true);
    this.typed = '';
    this.images.keep([], this.queue.images);
    this.grid.show(shown?.images ?? []);
    this.render();
    page.page = shown ? [shown.attribute, shown.value, ...shown.images.map(({ image_id: id }) => id)].join(' ') : '';
  }

  /** @param {Mark} [mark] @returns {string} */
  word(mark) {
    if (mark === OUT) return 'left out';
    if (mark === NOT) return `not ${this.word(this.shown?.searched)}`;
    if (mark === null) return "can't tell";
    return this.attribute?.values.find(({ code }) => code === mark)?.name ?? '';
  }

  render() {
    if (this.shown) this.grid.render(this.shown, (mark) => this.word(mark));
    this.counts.render(this.shown, (mark) => this.word(mark));
    this.searching.render(this.word(this.queue.wish?.value), this.queue.wish?.size ?? 24, this.shown);
    this.state();
  }

  renderToolbar() {
    const { wish } = this.queue;
    if (this.attribute && wish) this.toolbar.render(wish, this.attribute, this.groups);
  }

  state() {
    const state = this.shown ? (this.settled(this.shown) ? 'ready' : 'loading') : this.idle();
    page.state = state;
    for (const part of findAll(document, '[data-show]')) part.hidden = !part.dataset.show?.split(' ').includes(state);
    if (state === 'done') byId('done-reason').textContent = this.reason();
    if (state === 'waiting') byId('waiting-reason').textContent = `${this.trouble?.message ?? ''} This browser keeps your answers and sends them automatically when the server is back.`;
  }

  /**
   * Whether every face can be seen, or cannot be shown at all.
   *
   * @param {Page} shown
   */
  settled({ images }) {
    return images.every((image) => this.images.of(image).ready || this.images.of(image).failed);
  }

  idle() {
    if (this.trouble) return 'waiting';
    return this.queue.dry ? 'done' : 'loading';
  }

  reason() {
    const { value, order } = this.queue.wish ?? {};
    return `${this.attribute?.title}: no faces left${value === null || order === 'probable' ? '' : ` with the prediction “${this.word(value)}”`}`;
  }

  /**
   * @param {OutboxItem} item
   * @param {any} answer
   */
  acknowledged(item, answer) {
    if (item.kind === 'sweep undo') this.queue.setLeases(item.body.submission, answer.images);
    if (answer.opinions?.length > 0) this.say(`Another labeller had already taken ${count(answer.opinions.length, 'face')}. Your answer counts as an extra opinion.`);
    if (answer.excluded?.length > 0) this.say(someExcludedText(answer.excluded.length));
    this.queue.sync();
    this.render();
  }

  /**
   * Count the time on this page only while it can be seen.
   *
   * @param {boolean} running
   * @param {boolean} [anew] the page has just come
   */
  clock(running, anew = false) {
    if (this.since !== null) this.spent += performance.now() - this.since;
    if (anew) this.spent = 0;
    this.since = running && this.shown ? performance.now() : null;
  }

  // ---- keys and commands

  /** @param {KeyboardEvent} event */
  press(event) {
    const [command, ...values] = commandOf(event) ?? [];
    if (!command || (byId('help', HTMLDialogElement).open && command !== 'help')) return;
    const control = closest(event, 'select, a, button:not(.face)');
    if (control && (['commit', 'skip', 'toggle'].includes(command) || (control.matches('select') && command !== 'help'))) return;
    event.preventDefault();
    if (command !== 'move') return this.commands[command](...values);
    const [columns, rows] = values;
    this.grid.move(columns, rows, event.shiftKey);
    this.render();
  }

  /**
   * Mark faces of the page.
   *
   * @param {(marks: Page['marks'], ids: number[]) => void} change
   * @param {number[]} [ids]
   */
  mark(change, ids = this.grid.selection) {
    if (!this.shown || ids.length === 0) return;
    change(this.shown.marks, ids);
    this.typed = '';
    this.say('');
    this.grid.collapse();
    this.queue.keep();
    this.render();
  }

  /** A click or Space. In a search it says whether the faces have the value. @param {number[]} [ids] */
  toggle(ids) {
    const { searched, answer } = this.shown ?? {};
    this.mark((marks, chosen) => marks.toggle(chosen, searched === undefined ? OUT : answer === NOT ? searched : NOT), ids);
  }

  /** @param {Code} code */
  give(code) {
    this.mark((marks, ids) => marks.put(ids, code === this.shown?.answer ? undefined : code));
  }

  /** @param {string} digit */
  digit(digit) {
    if (!this.attribute) return;
    const typed = this.typed + digit;
    const progress = typedCode(typed, this.attribute.values);
    if (progress && !progress.more) return this.give(progress.code);
    this.typed = progress ? typed : '';
    this.say(progress ? `${typed}… Type another digit or press Enter.` : `${this.attribute.title} has no value ${typed}.`);
  }

  leave() {
    this.typed = '';
    this.say('');
    this.grid.collapse();
    this.render();
  }

  /** Shift+Enter: the page is finished without answers. */
  skip() {
    const { shown } = this;
    if (page.state !== 'ready' || !shown) return;
    shown.marks.put(shown.images.map(({ image_id: id }) => id), OUT);
    this.keepPage(shown);
  }

  /** Enter: the page is finished; first into the outbox, then the next one. */
  commit() {
    const code = this.typed && this.attribute ? typedCode(this.typed, this.attribute.values)?.code ?? null : null;
    if (code !== null) return this.give(code);
    const { shown } = this;
    if (page.state !== 'ready' || !shown) return; // nobody answers faces that cannot be seen
    if (shown.answer === undefined) return this.say('First choose the value for all faces: press PageDown or click a value.');
    this.keepPage(shown);
  }

  /** @param {Page} shown */
  keepPage(shown) {
    const unseen = shown.images.filter((image) => this.images.of(image).failed).map(({ image_id: id }) => id);
    if (unseen.length > 0) shown.marks.put(unseen, OUT);
    this.clock(!document.hidden);
    const body = bodyOf(shown, Math.round(this.spent));
    const key = this.send(shown.images, { kind: 'sweep', body });
    if (!key) return;
    this.history.push({ ...shown, key, order: this.queue.wish?.order ?? '', milliseconds: this.spent });
    this.counts.add(body);
    this.say('');
    this.queue.shift(leftOutOf(shown));
    this.show();
    this.queue.sync();
  }

  /** Backspace: the last mark on this page, else the page before it. */
  undo() {
    if (this.typed) return this.leave();
    if (this.shown?.marks.undo()) {
      this.queue.keep();
      return this.render();
    }
    const { last } = this.history;
    if (!last) return this.say('Nothing to undo: this is the first page of the session.');
    const { page: back, key, order, milliseconds, leftOut, body } = last;
    const refused = this.outbox.dropRefused(key); // then the server knows nothing of it
    if (!refused && !this.send(back.images, { kind: 'sweep undo', body: { submission: key, left_out: leftOut } })) return;
    this.history.drop();
    const { attribute, value, answer } = back;
    const { wish } = this.queue;
    if (wish?.attribute !== attribute || wish.value !== value) this.queue.change({ size: 24, ...wish, attribute, value, answer: typeof answer === 'string' ? value : answer, order });
    this.queue.unshift(refused ? { ...back, back: null } : back);
    this.counts.remove(body);
    this.renderToolbar();
    this.show();
    this.spent = milliseconds;
    this.say('The last page is back, with its marks.');
  }

  /**
   * Put a change into the outbox.
   *
   * @param {PageImage[]} images
   * @param {Pick<Extract<NewOutboxItem, {kind: 'sweep'}>, 'kind'|'body'> | Pick<Extract<NewOutboxItem, {kind: 'sweep undo'}>, 'kind'|'body'>} change
   * @returns {?string} the key; null if the browser cannot keep it: then nothing must go on
   */
  send(images, change) {
    try {
      return this.outbox.add({ ...change, image_id: null, image_name: `Page of ${images.length} faces` });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.say(`This browser cannot store more answers (${error.name}). Free storage for this site, then try again.`);
      return null;
    }
  }

  /** @param {string} text */
  say(text) {
    byId('message').textContent = text;
  }
}

new BulkPage(await loadSchema(byId('message')), new ProjectStorage(localStorage, project), new ProjectStorage(sessionStorage, project)).start();
