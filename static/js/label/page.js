/** The label page's controller: what the labeller does → draft → work, and which image comes next. */
import { loadSchema } from '../lib/schema.js';
import { AttributeKeys } from './attribute_keys.js';
import { GuidelineDialog } from './guideline.js';
import { KeyHelp } from './key_help.js';
import { commandOf } from '../lib/keys.js';
import { NoteDialog } from './note_dialog.js';
import { AttributePanel } from './attribute_panel.js';
import { ImageCache } from '../lib/image_cache.js';
import { measurePaint, LabelView } from './view.js';
import { SessionDialog } from './session_dialog.js';
import { ProjectStorage } from '../lib/storage.js';
import { OutboxStatus } from '../lib/outbox_status.js';
import { SessionState } from './session_state.js';
import { Zoom } from './zoom.js';

const page = document.documentElement.dataset;
const at = (id) => document.getElementById(id);

/** Commands that need no image that can be seen. */
const ALWAYS = new Set(['undo', 'redo', 'session', 'guideline', 'zoom', 'pan', 'head']);
/** Those that need an image, seen or not. */
const ASIDE = new Set(['skip', 'reason', 'flag']);
/** Those that belong to one attribute. */
const CELL = new Set(['letter', 'digit', 'unsure', 'step', 'value', 'leave']);

class LabelPage {
  constructor(schema, local, session) {
    this.schema = schema;
    this.local = local;
    this.work = new SessionState(schema, local, session);
    this.pictures = new ImageCache();
    this.screen = new LabelView(schema, this.work.outbox, this.work.history, this.pictures);
    this.zoomed = new Zoom(at('frame'), at('picture'));
    this.helping = new KeyHelp(at('help'), schema);
    this.guide = new GuidelineDialog(at('guide'));
    this.note = new NoteDialog(at('note'));
    this.finished = new SessionDialog(at('session'), (entry) => this.screen.answersOf(entry), (entry) => this.reopen(entry));
    this.unsent = new OutboxStatus(this.work.outbox, at('unsent'), at('refused'), (values) => this.screen.words(values));
    this.panel = new AttributePanel(at('attributes'), schema, {
      onmark: (name) => name === this.cells.current || this.cells.mark(name),
      onanswer: (name, value, event) => this.answer(name, value, event?.timeStamp),
      onguide: (name) => this.guide.show(this.cells.attribute(name)),
    });
    this.cells = new AttributeKeys(schema, this.panel, {
      onsay: (text) => this.screen.say(text),
      onanswer: (name, value) => this.answer(name, value),
      onswitch: () => this.storeDraft(),
    });
    Object.assign(this, { draft: null, since: null, pressed: null });
    this.listen();
  }

  listen() {
    const { outbox, tasks } = this.work;
    addEventListener('keydown', (event) => this.key(event));
    addEventListener('pagehide', () => this.keepDraft());
    document.addEventListener('visibilitychange', () => this.clock(!document.hidden));
    // Clicking must not take the keyboard away from the page.
    at('work').addEventListener('mousedown', (event) => event.target.closest('button') && event.preventDefault());
    for (const button of document.querySelectorAll('button[data-command]')) {
      button.addEventListener('click', (event) => this.run(button.dataset.command, undefined, event));
    }
    this.pictures.addEventListener('change', ({ detail }) => detail === this.draft?.task.image_id && this.screen.showPicture());
    tasks.addEventListener('filled', () => this.refresh(null));
    tasks.addEventListener('dry', () => this.refresh(null));
    tasks.addEventListener('trouble', ({ detail }) => this.refresh(detail));
    tasks.addEventListener('progress', ({ detail }) => this.reached(detail));
    outbox.addEventListener('acknowledged', ({ detail }) => this.acknowledged(detail));
    outbox.addEventListener('calm', () => page.state === 'waiting' && tasks.sync());
  }

  start() {
    if (this.work.tasks.current) this.show();
    this.work.tasks.sync();
    this.work.outbox.send();
  }

  // ---- which image is on the screen

  /** The queue has changed, or could not: keep the image on the screen if it is still the first. */
  refresh(trouble) {
    this.screen.trouble = trouble;
    const { current } = this.work.tasks;
    if (current?.image_id !== this.draft?.task.image_id) this.show();
    else if (current) this.prepare();
    else this.screen.state();
  }

  /** Show the first task of the queue; everything it needs is here already. */
  show(marked = null) {
    this.keepDraft();
    const task = this.work.tasks.current;
    this.draft = task && this.work.draftOf(task);
    this.frameImage(task);
    this.screen.show(task);
    this.clock(!document.hidden);
    if (task) this.cells.show(this.draft, marked ?? this.draft.next());
    if (task && this.pressed !== null) measurePaint(this.pressed);
    this.pressed = null;
    setTimeout(() => this.prepare(), 0);
  }

  /** Fetch and decode the images ahead, and the one that the next undo would bring back. */
  prepare() {
    const { last } = this.work.history;
    this.pictures.keep(this.work.tasks.queue, last ? [last.task] : []);
  }

  /** The server has answered: if answers wait since it was away, now is the time. */
  reached(progress) {
    this.screen.count(progress);
    if (this.work.outbox.failures > 0) this.work.outbox.send();
  }

  acknowledged({ answer }) {
    this.screen.count(answer.progress);
    if (!this.draft) this.screen.state();
  }

  /** Count the time on this image only while it can be seen. */
  clock(running) {
    if (this.draft && this.since !== null) this.draft.milliseconds += performance.now() - this.since;
    this.since = running && this.draft ? performance.now() : null;
  }

  keepDraft() {
    this.clock(false);
    if (this.draft?.answers.size > 0) this.storeDraft();
  }

  storeDraft() {
    this.kept(() => this.work.keep(this.draft));
  }

  /** Do what must be kept in the browser. @returns {boolean} whether there was room for it */
  kept(action) {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.screen.full(error);
      return false;
    }
  }

  // ---- keys and commands; a command is a method

  key(event) {
    const found = commandOf(event);
    if (!found) return;
    const [command, argument] = found;
    const dialog = document.querySelector('dialog[open]');
    if (dialog && dialog.dataset.command !== command) return; // the dialog's own key; the one that opened it closes it
    const target = dialog ? null : event.target.closest?.('button, a, summary, input');
    if (target?.matches('input') && (['letter', 'digit', 'value'].includes(command) || (command === 'guideline' && argument))) return;
    if (target && !target.matches('input') && ['accept', 'skip', 'reason'].includes(command)) return; // the element's own key
    event.preventDefault();
    this.run(command, argument, event);
  }

  run(command, argument, event) {
    if (command === 'help') return this.helping.toggle();
    const allowed = page.state === 'ready' || ALWAYS.has(command) || (ASIDE.has(command) && this.draft);
    if (!allowed) return; // nobody answers an image that cannot be seen
    this.pressed = event.timeStamp;
    if (!ALWAYS.has(command)) this.screen.say('');
    if (CELL.has(command)) this.cells[command](argument);
    else this[command](argument);
    this.pressed = null;
  }

  answer(name, value, pressed = this.pressed) {
    if (page.state !== 'ready') return;
    this.pressed = pressed;
    this.screen.say('');
    this.draft.answer(name, value);
    if (this.draft.complete) return this.submit(name);
    this.storeDraft();
    this.cells.mark(this.draft.next(name));
  }

  /** Enter: take what is left and go on, or lead to what is still missing. */
  accept() {
    const { current, typedCode } = this.cells;
    if (typedCode !== null) return this.answer(current, typedCode);
    this.draft.accept();
    if (this.draft.complete) return this.submit(current);
    this.storeDraft();
    const next = this.draft.next();
    this.cells.mark(next);
    return this.screen.say(next ? `${this.cells.attribute(next).title} has no answer yet.` : 'Nothing is answered yet. Space puts the image aside.');
  }

  skip() {
    this.submit(this.cells.current, { skip: true });
  }

  /** Shift Space: put aside, and say why. */
  async reason() {
    const { draft } = this;
    const reason = await this.note.ask({ title: `Put ${draft.task.image_name} aside`, hint: 'Reason', action: 'Put aside', longest: 200 });
    if (reason !== null && this.draft === draft) this.submit(this.cells.current, { skip: true, reason });
  }

  /** ! */
  async flag() {
    const { task } = this.draft;
    const note = await this.note.ask({ title: `Flag ${task.image_name}`, hint: 'What a reviewer should look at', action: 'Flag', required: true, longest: 500 });
    if (note && this.kept(() => this.work.flag(task, note))) this.screen.say(`${task.image_name} is flagged.`);
  }

  /** The image is finished. */
  submit(marked, aside) {
    this.clock(false);
    if (!this.kept(() => this.work.submit(this.draft, marked, aside))) return;
    this.draft = null;
    this.show();
    this.screen.count();
    this.work.tasks.sync();
  }

  /** Backspace: the last key on this image, else the image before it, as far back as the session goes. */
  undo() {
    this.screen.say('');
    if (this.cells.typed) return this.cells.type('');
    const name = this.draft?.takeBack();
    if (name) {
      this.storeDraft();
      return this.cells.mark(name);
    }
    const { last } = this.work.history;
    if (last) return this.reopen(last);
    return this.screen.say('Nothing to take back: this is the first image of the session.');
  }

  /** Shift Backspace: what was taken back last on this image, or its answers as they were. */
  redo() {
    this.screen.say('');
    const name = this.draft?.putBack();
    if (name) {
      this.storeDraft();
      return this.cells.mark(name);
    }
    const entry = this.draft?.steps.length === 0 && this.work.before(this.draft.task);
    if (!entry) return this.screen.say('Nothing to do again.');
    return this.submit(entry.marked, { skip: entry.skip, reason: entry.reason });
  }

  /** An image of this session comes back on the screen with its answers. */
  reopen(entry) {
    this.keepDraft();
    if (!this.kept(() => this.work.takeBack(entry))) return;
    this.show(entry.marked);
    this.screen.count();
    const { task: { image_name }, skip } = entry;
    this.screen.say(`${image_name} is back${skip ? '' : ' with its answers'}. A correction goes on by itself, Enter keeps it as it is.`);
  }

  /** , */
  session() {
    if (at('session').open) at('session').close();
    else this.finished.show(this.work.history.entries);
  }

  /** . of the marked attribute, Shift and a letter of another one; the same key closes it. */
  guideline(letter) {
    const attribute = letter ? this.cells.byKey(letter) : this.cells.attribute(this.cells.current ?? this.schema[0].name);
    const { open, dataset } = at('guide');
    if (open && (!letter || dataset.of === attribute?.name)) at('guide').close();
    else if (attribute) this.guide.show(attribute);
  }

  /** / : whether images begin with the head or whole; the browser remembers it. */
  head() {
    this.local.set('head', !this.local.get('head'));
    this.frameImage(this.draft?.task);
  }

  frameImage(task) {
    const head = this.local.get('head') === true;
    at('head').setAttribute('aria-pressed', String(head));
    this.zoomed.begin(head && task?.face ? { ...task, box: task.face.head } : null);
  }

  zoom(direction) {
    this.zoomed.step(direction);
  }

  pan(direction) {
    this.zoomed.pan(direction);
  }
}

new LabelPage(await loadSchema(at('loading-reason')), new ProjectStorage(localStorage, page.project), new ProjectStorage(sessionStorage, page.project)).start();
