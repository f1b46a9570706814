/** The people page's controller: sets of faces → who they are → outbox, and which set comes next. */
import { loadSchema } from '../lib/schema.js';
import { count, element } from '../lib/dom.js';
import { COMMANDS, commandOf } from './keys.js';
import { SuggestionPanel } from './suggestions.js';
import { SetQueue } from './set_queue.js';
import { Outbox } from '../lib/outbox.js';
import { ImageCache } from '../lib/image_cache.js';
import { ProjectStorage } from '../lib/storage.js';
import { FaceGrid } from '../lib/face_grid.js';
import { FaceMarks, OUT } from '../lib/face_marks.js';
import { OutboxStatus } from '../lib/outbox_status.js';

const page = document.documentElement.dataset;
const at = (id) => document.getElementById(id);
const UNKNOWN = 'unknown'; // a mark, as OUT and null (can't tell)
const WORDS = new Map([[OUT, 'somebody else'], [null, "can't tell"], [UNKNOWN, 'unknown person']]);
const SIZES = [2, 6, 15, 24, 40, 60]; // faces up to which the grid has one shape
const REMEMBERED = 50; // sets that can be taken back in one session

class PeoplePage {
  constructor(attribute, local, session) {
    Object.assign(this, { session, shown: null, trouble: null, named: 0, since: 0 });
    this.outbox = new Outbox(local);
    this.supply = new SetQueue(session, this.outbox);
    this.pictures = new ImageCache();
    this.grid = new FaceGrid(at('faces'), this.pictures, (ids) => this.mark(ids, 'toggle'));
    this.panel = new SuggestionPanel(at('who'), attribute, {
      onchoose: (place) => this.choose(place), onname: (name) => this.finish(name),
    });
    this.unsent = new OutboxStatus(this.outbox, at('unsent'), at('refused'), () => []);
    this.listen();
  }

  listen() {
    addEventListener('keydown', (event) => this.key(event));
    addEventListener('keyup', (event) => event.key === ' ' && event.target.closest?.('.face') && event.preventDefault());
    addEventListener('pagehide', () => this.supply.keep());
    for (const part of [at('nearest'), document.querySelector('.foot')]) { // clicking leaves the keyboard to the faces
      part.addEventListener('mousedown', (event) => event.target.closest('button') && event.preventDefault());
    }
    for (const button of document.querySelectorAll('[data-command]')) {
      button.addEventListener('click', () => this[button.dataset.command]());
    }
    this.pictures.addEventListener('change', () => this.render());
    this.supply.addEventListener('filled', () => this.refresh(null));
    this.supply.addEventListener('trouble', ({ detail }) => this.refresh(detail));
    this.outbox.addEventListener('acknowledged', ({ detail }) => this.acknowledged(detail));
    this.outbox.addEventListener('calm', () => page.state === 'waiting' && this.supply.sync());
  }

  start() {
    const line = ([key, text]) => element('tr', {}, element('th', { scope: 'row' }, element('kbd', {}, key)), element('td', {}, text));
    at('help').querySelector('tbody').replaceChildren(...COMMANDS.map(line));
    at('help').querySelector('button').addEventListener('click', () => at('help').close());
    if (this.supply.current) this.refresh(null);
    this.supply.sync();
    this.outbox.send();
  }

  // ---- which set is on the screen

  refresh(trouble) {
    this.trouble = trouble;
    this.pictures.keep([], this.supply.faces);
    if (this.supply.current !== this.shown) this.show();
    else this.render();
  }

  show() {
    this.shown = this.supply.current;
    this.since = performance.now();
    const faces = this.shown?.faces ?? [];
    this.pictures.keep([], this.supply.faces);
    at('faces').dataset.size = SIZES.find((size) => faces.length <= size) ?? SIZES.at(-1);
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
    const { faces, size, marks } = this.shown;
    const kept = faces.filter(({ image_id: id }) => !marks.given.has(id)).length;
    const first = this.shown.proposed ? this.shown.people[0]?.name : null;
    at('question').textContent = first ? `Is this ${first}?` : faces.length === 1 ? 'Who is this?' : 'Who are these? One person, it seems.';
    at('count').textContent = [count(faces.length, 'face'), size > faces.length && `${size - faces.length} more come after these`,
      kept < faces.length && `${faces.length - kept} marked`].filter(Boolean).join(' · ');
    at('accept-text').textContent = first ? (kept === 0 ? `None is ${first}` : `${kept === faces.length && kept > 1 ? 'All ' : ''}${kept} ${kept === 1 ? 'is' : 'are'} ${first}`) : 'Name them';
  }

  state() {
    page.state = this.shown ? (this.settled ? 'ready' : 'loading') : this.idle();
    for (const part of document.querySelectorAll('[data-show]')) part.hidden = !part.dataset.show.split(' ').includes(page.state);
    const { told } = this.supply;
    at('left').textContent = told ? `${count(told.unnamed, 'face')} without a name` : '';
    at('session').textContent = this.named > 0 ? `${count(this.named, 'face')} named this session` : '';
    at('skipped').hidden = this.supply.without.length === 0;
    if (page.state === 'waiting') at('waiting-reason').textContent = this.trouble.message;
  }

  /** Whether every face can be seen, or cannot be shown at all. */
  get settled() {
    return this.shown.faces.every((face) => this.pictures.of(face).ready || this.pictures.of(face).failed);
  }

  idle() {
    const { told } = this.supply;
    if (this.trouble) return 'waiting';
    if (!told) return 'loading';
    if (told.computing) return 'computing';
    return told.described === 0 ? 'empty' : 'done';
  }

  acknowledged({ item, answer }) {
    if (item.kind === 'people' && item.body.person === null && answer.name) this.say(`Named as ${answer.name}.`);
    if (answer.opinions?.length > 0) this.say(`${count(answer.opinions.length, 'face')} had somebody else's answer by now: yours is kept as an extra opinion.`);
    if (answer.name && !this.panel.field.known.includes(answer.name)) this.panel.field.known.push(answer.name);
    this.supply.sync();
  }

  // ---- keys and commands; a command is a method

  key(event) {
    const [command, ...values] = commandOf(event) ?? [];
    if (!command || (at('help').open && command !== 'help')) return;
    if (this.panel.typing && !['accept', 'leave'].includes(command)) return; // it is a letter of a name
    const control = event.target.closest?.('a, button:not(.face)');
    if (control && ['accept', 'toggle'].includes(command)) return;
    event.preventDefault();
    if (command !== 'move') return this[command](...values);
    this.grid.move(...values, event.shiftKey);
    return this.render();
  }

  mark(ids, how, ...mark) {
    if (!this.shown || ids.length === 0) return;
    this.shown.marks[how](ids, ...mark);
    this.say('');
    this.grid.collapse();
    this.supply.keep();
    this.render();
    // When no face is left to be named or left out, everything is said.
    const { faces, marks } = this.shown;
    if (faces.every(({ image_id: id }) => [null, UNKNOWN].includes(marks.of(id)))) this.finish(null);
  }

  toggle() {
    this.mark(this.grid.selection, 'toggle');
  }

  unsure() {
    this.mark(this.grid.selection, 'put', null);
  }

  digit(digit) {
    if (digit === 0) this.mark(this.grid.selection, 'put', UNKNOWN);
    else this.choose(digit - 1);
  }

  choose(place) {
    const person = this.shown?.people[place];
    if (person) this.finish(person.code, true);
    else this.say(`Nobody has the number ${place + 1} here.`);
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
   * @param {?(number|string)} person code or name; null: a new person with a number as name
   * @param {boolean} accepted whether the person was suggested
   */
  finish(person, accepted = false) {
    if (page.state !== 'ready') return; // nobody answers faces that cannot be seen
    const { faces, marks } = this.shown;
    const unseen = faces.filter((face) => this.pictures.of(face).failed).map(({ image_id: id }) => id);
    if (unseen.length > 0) marks.put(unseen, OUT);
    const marked = (mark) => faces.map(({ image_id: id }) => id).filter((id) => marks.of(id) === mark);
    const body = { person, images: marked(undefined), exceptions: marked(OUT), unsure: marked(null), unknown: marked(UNKNOWN), accepted,
      milliseconds: Math.round(performance.now() - this.since) };
    const answered = [...body.images, ...body.unsure, ...body.unknown].length;
    if (answered === 0 && typeof person !== 'number') return this.say('Every face is left out. Press S to skip the set.');
    const key = this.send('people', answered, body);
    if (!key) return;
    this.remember([...this.past, { key, answered, set: { ...this.shown } }]);
    this.named += answered;
    this.say('');
    this.supply.shift();
    this.show();
  }

  skip() {
    if (!this.shown) return;
    this.supply.skip();
    this.show();
    this.supply.sync();
  }

  again() {
    this.supply.forget();
  }

  get past() {
    return this.session.get('people-history') ?? [];
  }

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
      this.supply.keep();
      return this.render();
    }
    const entries = this.past;
    const last = entries.pop();
    if (!last) return this.say('Nothing to take back: this is the first set of the session.');
    const refused = this.outbox.dropRefused(last.key); // then the server knows nothing of it
    if (!refused && !this.send('people undo', last.answered, { submission: last.key })) return;
    this.remember(entries);
    this.named = Math.max(0, this.named - last.answered);
    this.supply.unshift({ ...last.set, marks: new FaceMarks({ given: last.set.marks.given }) });
    this.show();
    this.say('The last set is back as you left it.');
  }

  /** Into the outbox. @returns {?string} the key; null if the browser cannot keep it: then nothing must go on */
  send(kind, number, body) {
    try {
      return this.outbox.add({ kind, image_id: null, image_name: count(number, 'face'), body });
    } catch (error) {
      this.say(`This browser has no room to keep answers (${error.name}). Free space for this site, then try again.`);
      return null;
    }
  }

  leave() {
    this.panel.field.leave();
    this.grid.collapse();
    this.grid.focus(this.grid.at);
    this.render();
  }

  say(text) {
    at('message').textContent = text;
  }

  help() {
    if (at('help').open) at('help').close();
    else at('help').showModal();
  }
}

const schema = await loadSchema(at('message'));
// The server says which attribute it is, and what to do without one; the field only needs the names.
const attribute = schema.find(({ kind }) => kind === 'open') ?? { name: 'person', title: 'Person', values: [] };
new PeoplePage(attribute, new ProjectStorage(localStorage, page.project), new ProjectStorage(sessionStorage, page.project)).start();
