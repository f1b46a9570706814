/** The people page's controller: sets of faces → who they are → outbox, and which set comes next. */
import { byId, closest, count, element, find, findAll } from '../lib/dom.js';
import { someExcludedText } from '../lib/exclude/words.js';
import { thumbnailOf } from '../lib/face_crop.js';
import { FaceGrid } from '../lib/face_grid.js';
import { FaceMarks, OUT } from '../lib/face_marks.js';
import { ImageCache } from '../lib/image_cache.js';
import { Outbox } from '../lib/outbox.js';
import { OutboxStatus } from '../lib/outbox_status.js';
import { loadSchema } from '../lib/schema.js';
import { ProjectStorage } from '../lib/storage.js';
import { COMMANDS, commandOf } from './keys.js';
import { SetQueue } from './set_queue.js';
import { SuggestionPanel } from './suggestions.js';
/** @import { ApiError } from '../lib/api.js' */
/** @import { Mark } from '../lib/face_marks.js' */
/** @import { Answer, Attribute, ConfirmRequest, NewOutboxItem, OutboxItem } from '../types' */
/** @import { MarkedSet } from './set_queue.js' */

const page = document.documentElement.dataset;
const project = page.project ?? '';
const UNKNOWN = 'unknown'; // a mark, as OUT and null (can't tell)
/** @type {Map<Mark|undefined, string>} */
const WORDS = new Map([[OUT, 'another person'], [null, "can't tell"], [UNKNOWN, 'unknown person']]);
const SIZES = [2, 6, 15, 24, 40, 60]; // faces up to which the grid has one shape
const REMEMBERED = 50; // sets that can be undone in one session

/** @typedef {{key: string, answered: number, set: MarkedSet}} FinishedSet `key`: of its submission */

class PeoplePage {
  /**
   * @param {Pick<Attribute, 'name'|'title'|'values'>} attribute
   * @param {ProjectStorage} local shared by tabs
   * @param {ProjectStorage} session this tab's
   */
  constructor(attribute, local, session) {
    this.session = session;
    this.outbox = new Outbox(local);
    this.queue = new SetQueue(session, this.outbox);
    this.images = new ImageCache(thumbnailOf);
    this.grid = new FaceGrid(byId('faces'), this.images, (ids) => this.mark((marks) => marks.toggle(ids), ids));
    this.panel = new SuggestionPanel(byId('who'), attribute, {
      onchoose: (place) => this.choose(place), onname: (name) => this.finish(name),
    });
    this.status = new OutboxStatus(this.outbox, byId('unsent'), byId('refused'), () => []);
    /** What each key and button does. @type {Record<string, (...values: any[]) => void>} */
    this.commands = {
      accept: () => this.accept(),
      toggle: () => this.mark((marks, ids) => marks.toggle(ids)),
      unsure: () => this.mark((marks, ids) => marks.put(ids, null)),
      digit: (digit) => this.digit(digit),
      name: () => this.name(),
      skip: () => this.skip(),
      again: () => this.queue.forget(),
      undo: () => this.undo(),
      leave: () => this.leave(),
      help: () => this.help(),
    };
    /** @type {?MarkedSet} */
    this.shown = null;
    /** @type {?ApiError} */
    this.trouble = null;
    this.named = 0; // faces of this session
    this.since = 0; // when the set came on the screen
    this.listen();
  }

  listen() {
    addEventListener('keydown', (event) => this.press(event));
    addEventListener('keyup', (event) => event.key === ' ' && closest(event, '.face') && event.preventDefault());
    addEventListener('pagehide', () => this.queue.keep());
    for (const part of [byId('nearest'), find(document, '.foot')]) { // clicking leaves the keyboard to the faces
      part.addEventListener('mousedown', (event) => closest(event, 'button') && event.preventDefault());
    }
    for (const button of findAll(document, '[data-command]')) {
      button.addEventListener('click', () => this.commands[button.dataset.command ?? '']());
    }
    this.images.on('change', () => this.render());
    this.queue.on('filled', () => this.refresh(null));
    this.queue.on('trouble', (error) => this.refresh(error));
    this.outbox.on('acknowledged', ({ item, answer }) => this.acknowledged(item, answer));
    this.outbox.on('calm', () => page.state === 'waiting' && this.queue.sync());
  }

  start() {
    const rows = COMMANDS.map(([key, text]) => element('tr', {}, element('th', { scope: 'row' }, element('kbd', {}, key)), element('td', {}, text)));
    const help = byId('help', HTMLDialogElement);
    find(help, 'tbody').replaceChildren(...rows);
    find(help, 'button').addEventListener('click', () => help.close());
    if (this.queue.current) this.refresh(null);
    this.queue.sync();
    this.outbox.send();
  }

  // ---- which set is on the screen

  /** @param {?ApiError} trouble */
  refresh(trouble) {
    this.trouble = trouble;
    this.images.keep([], this.queue.faces);
    if (this.queue.current !== this.shown) this.show();
    else this.render();
  }

  show() {
    this.shown = this.queue.current;
    this.since = performance.now();
    const faces = this.shown?.faces ?? [];
    this.images.keep([], this.queue.faces);
    byId('faces').dataset.size = String(SIZES.find((size) => faces.length <= size) ?? SIZES.at(-1));
    this.panel.field.leave();
    this.grid.show(faces);
    page.set = faces.map(({ image_id: id }) => id).join(' ');
    this.render();
  }

  render() {
    this.state();
    if (!this.shown) return;
    this.grid.render(this.shown, (mark) => WORDS.get(mark) ?? '');
    this.panel.render(this.shown);
    const { faces, size, marks, proposed, people } = this.shown;
    const kept = faces.filter(({ image_id: id }) => !marks.given.has(id)).length;
    const name = proposed ? people[0]?.name : null;
    byId('question').textContent = name ? `Is this ${name}?` : faces.length === 1 ? 'Who is this?' : 'Who is this? All faces look like one person.';
    byId('count').textContent = [count(faces.length, 'face'), size > faces.length && `${size - faces.length} more follow`,
      kept < faces.length && `${faces.length - kept} marked`].filter(Boolean).join(' · ');
    byId('accept-text').textContent = name ? acceptText(name, kept, faces.length) : 'Name them';
  }

  state() {
    const state = this.shown ? (this.settled(this.shown) ? 'ready' : 'loading') : this.idle();
    page.state = state;
    for (const part of findAll(document, '[data-show]')) part.hidden = !part.dataset.show?.split(' ').includes(state);
    const { latest } = this.queue;
    byId('left').textContent = latest ? `${count(latest.unnamed, 'face')} without a name` : '';
    byId('session').textContent = this.named > 0 ? `${count(this.named, 'face')} named this session` : '';
    byId('skipped').hidden = this.queue.without.length === 0;
    if (state === 'waiting') byId('waiting-reason').textContent = this.trouble?.message ?? '';
  }

  /**
   * Whether every face can be seen, or cannot be shown at all.
   *
   * @param {MarkedSet} shown
   */
  settled({ faces }) {
    return faces.every((face) => this.images.of(face).ready || this.images.of(face).failed);
  }

  idle() {
    const { latest } = this.queue;
    if (this.trouble) return 'waiting';
    if (!latest) return 'loading';
    if (latest.computing) return 'computing';
    return latest.described === 0 ? 'empty' : 'done';
  }

  /**
   * @param {OutboxItem} item
   * @param {any} answer
   */
  acknowledged(item, answer) {
    if (item.kind === 'people' && item.body.person === null && answer.name) this.say(`The faces are named ${answer.name}.`);
    if (answer.opinions?.length > 0) this.say(`Another labeller had already answered ${count(answer.opinions.length, 'face')}. Your answer counts as an extra opinion.`);
    if (answer.excluded?.length > 0) this.say(someExcludedText(answer.excluded.length));
    if (answer.name && !this.panel.field.known.includes(answer.name)) this.panel.field.known.push(answer.name);
    this.queue.sync();
  }

  // ---- keys and commands

  /** @param {KeyboardEvent} event */
  press(event) {
    const [command, ...values] = commandOf(event) ?? [];
    if (!command || (byId('help', HTMLDialogElement).open && command !== 'help')) return;
    if (this.panel.typing && !['accept', 'leave', 'skip'].includes(command)) return; // it is a letter of a name
    const control = closest(event, 'a, button:not(.face)');
    if (control && ['accept', 'skip', 'toggle'].includes(command)) return;
    event.preventDefault();
    if (command !== 'move') return this.commands[command](...values);
    const [columns, rows] = values;
    this.grid.move(columns, rows, event.shiftKey);
    this.render();
  }

  /**
   * Mark faces of the set.
   *
   * @param {(marks: FaceMarks, ids: number[]) => void} change
   * @param {number[]} [ids]
   */
  mark(change, ids = this.grid.selection) {
    if (!this.shown || ids.length === 0) return;
    const { faces, marks } = this.shown;
    change(marks, ids);
    this.say('');
    this.grid.collapse();
    this.queue.keep();
    this.render();
    // When no face is left to be named or left out, the set is finished.
    if (faces.every(({ image_id: id }) => marks.of(id) === null || marks.of(id) === UNKNOWN)) this.finish(null);
  }

  /** @param {number} digit */
  digit(digit) {
    if (digit === 0) this.mark((marks, ids) => marks.put(ids, UNKNOWN));
    else this.choose(digit - 1);
  }

  /** @param {number} place */
  choose(place) {
    const person = this.shown?.people[place];
    if (person) this.finish(person.code, true);
    else this.say(`There is no person with the number ${place + 1} here.`);
  }

  name() {
    if (this.shown) this.panel.field.focus();
  }

  /** Enter: the proposed person; without one first the field, and there a new person without a name. */
  accept() {
    if (this.panel.typing) this.finish(null);
    else if (this.shown?.proposed) this.choose(0);
    else this.name();
  }

  /**
   * The set is answered; first into the outbox, then the next one.
   *
   * @param {Answer} person code or name; null: a new person with a number as name
   * @param {boolean} accepted whether the person was suggested
   */
  finish(person, accepted = false) {
    const { shown } = this;
    if (page.state !== 'ready' || !shown) return; // nobody answers faces that cannot be seen
    const { faces, marks } = shown;
    const unseen = faces.filter((face) => this.images.of(face).failed).map(({ image_id: id }) => id);
    if (unseen.length > 0) marks.put(unseen, OUT);
    const marked = (/** @type {Mark} */ mark) => faces.map(({ image_id: id }) => id).filter((id) => marks.of(id) === mark);
    const images = faces.map(({ image_id: id }) => id).filter((id) => !marks.given.has(id));
    /** @type {ConfirmRequest} */
    const body = { person, images, exceptions: marked(OUT), unsure: marked(null), unknown: marked(UNKNOWN), accepted,
      milliseconds: Math.round(performance.now() - this.since) };
    const answered = [...body.images, ...body.unsure, ...body.unknown].length;
    if (answered === 0 && typeof person !== 'number') return this.say('Every face is left out. Press S to skip the set.');
    const key = this.send(answered, { kind: 'people', body });
    if (!key) return;
    this.remember([...this.past, { key, answered, set: { ...shown } }]);
    this.named += answered;
    this.say('');
    this.queue.shift();
    this.show();
  }

  skip() {
    if (!this.shown) return;
    this.queue.skip();
    this.show();
    this.queue.sync();
  }

  /** @returns {FinishedSet[]} */
  get past() {
    return this.session.get('people-history') ?? [];
  }

  /** @param {FinishedSet[]} entries */
  remember(entries) {
    try {
      this.session.set('people-history', entries.slice(-REMEMBERED));
    } catch { // a full session store only costs undo: the answers are in the outbox
      this.session.remove('people-history');
    }
  }

  /** U, Backspace: the last mark on this set, else the set before it. */
  undo() {
    if (this.shown?.marks.undo()) {
      this.queue.keep();
      return this.render();
    }
    const entries = this.past;
    const last = entries.pop();
    if (!last) return this.say('Nothing to undo: this is the first set of the session.');
    const refused = this.outbox.dropRefused(last.key); // then the server knows nothing of it
    if (!refused && !this.send(last.answered, { kind: 'people undo', body: { submission: last.key } })) return;
    this.remember(entries);
    this.named = Math.max(0, this.named - last.answered);
    const { given } = /** @type {any} */ (last.set.marks); // as it was stored
    this.queue.unshift({ ...last.set, marks: new FaceMarks({ given }) });
    this.show();
    this.say('The last set is back, with its marks.');
  }

  /**
   * Put a change into the outbox.
   *
   * @param {number} faces
   * @param {Pick<Extract<NewOutboxItem, {kind: 'people'}>, 'kind'|'body'> | Pick<Extract<NewOutboxItem, {kind: 'people undo'}>, 'kind'|'body'>} change
   * @returns {?string} the key; null if the browser cannot keep it: then nothing must go on
   */
  send(faces, change) {
    try {
      return this.outbox.add({ ...change, image_id: null, image_name: count(faces, 'face') });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.say(`This browser cannot store more answers (${error.name}). Free storage for this site, then try again.`);
      return null;
    }
  }

  leave() {
    this.panel.field.leave();
    this.grid.collapse();
    this.grid.focus(this.grid.at);
    this.render();
  }

  /** @param {string} text */
  say(text) {
    byId('message').textContent = text;
  }

  help() {
    const dialog = byId('help', HTMLDialogElement);
    if (dialog.open) dialog.close();
    else dialog.showModal();
  }
}

/**
 * What Enter says of a set that is proposed as a person.
 *
 * @param {string} name
 * @param {number} kept faces that are not marked
 * @param {number} all
 */
function acceptText(name, kept, all) {
  if (kept === 0) return `None is ${name}`;
  return `${kept === all && kept > 1 ? 'All ' : ''}${kept} ${kept === 1 ? 'is' : 'are'} ${name}`;
}

const schema = await loadSchema(byId('message'));
// The server says which attribute it is, and what to do without one; the field only needs the names.
const person = schema.find(({ kind }) => kind === 'open') ?? { name: 'person', title: 'Person', values: [] };
new PeoplePage(person, new ProjectStorage(localStorage, project), new ProjectStorage(sessionStorage, project)).start();
