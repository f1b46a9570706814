/** The label page's controller: what the labeller does → draft → session, and which image comes next. */
import { byId, closest, find, findAll } from '../lib/dom.js';
import { ExcludeDialog } from '../lib/exclude/dialog.js';
import { keptText, tellWhyGone } from '../lib/exclude/words.js';
import { ImageCache } from '../lib/image_cache.js';
import { commandOf } from '../lib/keys.js';
import { OutboxStatus } from '../lib/outbox_status.js';
import { loadSchema } from '../lib/schema.js';
import { ProjectStorage } from '../lib/storage.js';
import { AttributeKeys } from './attribute_keys.js';
import { AttributePanel } from './attribute_panel.js';
import { Cursor } from './suggestions/cursor.js';
import { GuidelineDialog } from './guideline.js';
import { KeyHelp } from './key_help.js';
import { LoopStrip } from './suggestions/loop_strip.js';
import { NoteDialog } from './note_dialog.js';
import { OfflineCopy } from './offline_copy.js';
import { Photo } from '../photo/photo.js';
import { SessionDialog } from './session_dialog.js';
import { SessionState } from './session_state.js';
import { surpriseOf, tint } from './suggestions/surprise.js';
import { LabelView, measurePaint } from './view.js';
import { WhyDialog, hasWhyKey, withWhy } from '../lib/explain/why.js';
/** @import { ApiError } from '../lib/api.js' */
/** @import { Answer, Attribute, Progress } from '../types' */
/** @import { Draft } from './draft.js' */
/** @import { HistoryEntry } from './session_history.js' */

const page = document.documentElement.dataset;
const project = page.project ?? '';

/** When a command may run: `always`; with an image, `seen` or not (`held`). */
/** @typedef {{run: (argument: any) => unknown, needs: 'always'|'held'|'seen'}} Command */

class LabelPage {
  /**
   * @param {Attribute[]} schema
   * @param {ProjectStorage} local shared by tabs
   * @param {ProjectStorage} session this tab's
   */
  constructor(schema, local, session) {
    this.schema = schema;
    this.session = new SessionState(schema, local, session);
    this.images = new ImageCache();
    this.photo = new Photo(local, session, {
      onsay: (text) => this.view.say(text), onframe: () => this.prepare(), onswipe: (direction, event) => this.run(direction === 'back' ? 'undo' : this.draft?.onward ?? 'accept', undefined, event) });
    this.view = new LabelView(schema, this.session.outbox, this.session.history, this.images, this.photo);
    this.help = new KeyHelp(byId('help', HTMLDialogElement), schema);
    this.cursor = new Cursor(local, byId('caret'), byId('cursor'));
    this.loop = new LoopStrip(byId('loop'), session, this.session.tasks, (text) => this.view.say(text));
    this.copy = new OfflineCopy(local, session, this.session.tasks, (text) => this.view.say(text));
    this.guide = new GuidelineDialog(byId('guide', HTMLDialogElement));
    this.why = new WhyDialog(byId('why', HTMLDialogElement));
    find(document, 'button[data-command=why] kbd').hidden = !hasWhyKey(schema);
    this.note = new NoteDialog(byId('note', HTMLDialogElement));
    this.exclusion = new ExcludeDialog(byId('exclude', HTMLDialogElement));
    this.finished = new SessionDialog(byId('session', HTMLDialogElement), (entry) => this.view.answersOf(entry), (entry) => this.reopen(entry));
    this.status = new OutboxStatus(this.session.outbox, byId('unsent'), byId('refused'), (values) => this.view.words(values));
    this.panel = new AttributePanel(byId('attributes'), schema, {
      onmark: (name) => name === this.keys.current || this.keys.mark(name),
      onanswer: (name, value, event) => this.answer(name, value, event?.timeStamp),
      onguide: (name) => this.guide.toggle(this.keys.attribute(name)),
    });
    this.keys = new AttributeKeys(schema, this.panel, {
      onsay: (text) => this.view.say(text),
      onanswer: (name, value) => this.answer(name, value),
      onswitch: (name) => this.switched(name),
      onmark: (name) => this.cursor.point(this.draft, name),
    });
    this.commands = this.commandTable();
    /** @type {?Draft} */
    this.draft = null;
    /** @type {?number} */
    this.since = null; // when the image on the screen began to count its time
    /** @type {?number} */
    this.pressed = null; // when the key was pressed that is being obeyed
    this.listen();
  }

  /** @returns {Record<string, Command>} */
  commandTable() {
    const always = (/** @type {Command['run']} */ run) => /** @type {Command} */ ({ run, needs: 'always' });
    const held = (/** @type {Command['run']} */ run) => /** @type {Command} */ ({ run, needs: 'held' });
    const seen = (/** @type {Command['run']} */ run) => /** @type {Command} */ ({ run, needs: 'seen' });
    return {
      undo: always(() => this.undo()),
      redo: always(() => this.redo()),
      session: always(() => this.finished.toggle(this.session.history.entries)),
      bring: always(() => this.loop.bringBack()),
      guideline: always((letter) => this.guide.toggle(letter ? this.keys.byKey(letter) : this.keys.marked, !letter)),
      ...Object.fromEntries(Object.entries(this.photo.commands).map(([name, run]) => [name, always(run)])),
      why: always(() => this.why.toggle(this.draft?.task, this.keys.marked)),
      skip: held(() => this.skip()),
      reason: held(() => this.skipWithReason()),
      flag: held(() => this.flag()),
      exclude: held(() => this.exclude()),
      accept: seen(() => this.accept()),
      ...Object.fromEntries(Object.entries(this.keys.commands).map(([name, run]) => [name, seen(run)])),
    };
  }

  listen() {
    const { outbox, tasks } = this.session;
    addEventListener('keydown', (event) => this.press(event));
    addEventListener('pagehide', () => this.keepDraft());
    document.addEventListener('visibilitychange', () => this.clock(!document.hidden));
    // Clicking must not take the keyboard away from the page.
    byId('work').addEventListener('mousedown', (event) => closest(event, 'button') && event.preventDefault());
    for (const button of findAll(document, 'button[data-command]')) {
      button.addEventListener('click', (event) => this.run(button.dataset.command ?? '', undefined, event));
    }
    this.images.on('change', (image) => image === this.draft?.task.image_id && this.view.showImage());
    tasks.on('filled', () => this.refresh(null));
    tasks.on('gone', (task) => tellWhyGone(task, (text) => this.view.say(text)));
    tasks.on('dry', () => { this.refresh(null); this.loop.look(); });
    tasks.on('trouble', (error) => this.refresh(error));
    tasks.on('progress', (progress) => this.reached(progress));
    outbox.on('acknowledged', ({ answer }) => this.acknowledged(answer));
    outbox.on('acknowledged', ({ item, answer }) => answer.excluded && this.view.say(keptText(item.image_name, answer.excluded)));
    this.loop.on('progress', ({ attributes }) => this.view.countAttributes(attributes));
    this.loop.on('skipped', (skipped) => this.view.countSkipped(skipped));
    outbox.on('calm', () => page.state === 'waiting' && tasks.sync());
  }

  start() {
    this.copy.begin();
    if (this.session.tasks.current) this.show();
    this.session.tasks.sync();
    this.session.outbox.send();
    this.loop.look();
  }

  // ---- which image is on the screen

  /**
   * The queue has changed, or could not: keep the image on the screen if it is still the first.
   *
   * @param {?ApiError} trouble
   */
  refresh(trouble) {
    this.view.trouble = trouble;
    this.view.reserved = this.session.tasks.reserved;
    const { current } = this.session.tasks;
    if (current?.image_id !== this.draft?.task.image_id) this.show();
    else if (current) this.prepare();
    else this.view.state();
  }

  /**
   * Show the first task of the queue; everything it needs is here already.
   *
   * @param {?string} [marked]
   */
  show(marked = null) {
    this.keepDraft();
    const task = this.session.tasks.current;
    this.draft = task && this.session.draftOf(task);
    this.view.show(task);
    this.clock(!document.hidden);
    if (this.draft) {
      this.keys.show(this.draft, marked ?? this.cursor.first(this.draft));
      if (this.pressed !== null) measurePaint(this.pressed);
    }
    this.pressed = null;
    setTimeout(() => this.prepare(), 0);
    if (this.draft) this.loop.shown([...this.draft.suggestions.values()].some(Boolean));
  }

  /** Fetch and decode the images ahead, and the one that the next undo would bring back. */
  prepare() {
    const { last } = this.session.history;
    this.images.keep(this.session.tasks.queue, last ? [last.task] : []);
    this.photo.prepare(this.session.tasks.queue);
    this.copy.changed(last ? [last.task] : []);
  }

  /**
   * The server has answered: if answers wait since it was away, now is the time.
   *
   * @param {Progress} progress
   */
  reached(progress) {
    this.view.count(progress);
    if (this.session.outbox.failures > 0) this.session.outbox.send();
  }

  /** @param {{progress?: Progress, labels?: object}} answer */
  acknowledged({ progress, labels }) {
    if (labels && Object.keys(labels).length > 0) this.loop.answeredOne();
    this.view.count(progress);
    if (!this.draft) this.view.state();
  }

  /**
   * Count the time on this image only while it can be seen.
   *
   * @param {boolean} running
   */
  clock(running) {
    if (this.draft && this.since !== null) this.draft.milliseconds += performance.now() - this.since;
    this.since = running && this.draft ? performance.now() : null;
  }

  keepDraft() {
    this.clock(false);
    if (this.draft && this.draft.answers.size > 0) this.storeDraft();
  }

  storeDraft() {
    const { draft } = this;
    if (draft) this.kept(() => this.session.keep(draft));
  }

  /**
   * Do what must be kept in the browser.
   *
   * @param {() => void} action
   * @returns {boolean} whether there was room for it
   */
  kept(action) {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.view.full(error);
      return false;
    }
  }

  // ---- keys and commands

  /** @param {KeyboardEvent} event */
  press(event) {
    const [pressed, argument] = commandOf(event) ?? [];
    if (!pressed) return;
    const command = withWhy(pressed, argument, this.schema);
    const dialog = document.querySelector('dialog[open]');
    if (dialog instanceof HTMLElement && dialog.dataset.command !== command) return; // the dialog's own key; the one that opened it closes it
    const target = dialog ? null : closest(event, 'button, a, summary, input');
    const isField = target?.matches('input');
    if (isField && (['letter', 'digit', 'value'].includes(pressed) || (command === 'guideline' && argument))) return;
    if (target && !isField && ['accept', 'skip', 'reason'].includes(command)) return; // the element's own key
    event.preventDefault();
    this.run(command, argument, event);
  }

  /**
   * @param {string} name
   * @param {any} argument
   * @param {Event} event
   */
  run(name, argument, event) {
    if (name === 'help') return this.help.toggle();
    const command = this.commands[name];
    const allowed = page.state === 'ready' || command.needs === 'always' || (command.needs === 'held' && this.draft);
    if (!allowed) return; // nobody answers an image that cannot be seen
    this.pressed = event.timeStamp;
    if (command.needs !== 'always') this.view.say('');
    command.run(argument);
    this.pressed = null;
  }

  /**
   * @param {string} name
   * @param {Answer} value
   * @param {?number} [pressed]
   */
  answer(name, value, pressed = this.pressed) {
    if (page.state !== 'ready' || !this.draft) return;
    this.pressed = pressed;
    this.view.say('');
    this.draft.answer(name, value);
    const surprise = surpriseOf(this.draft, name);
    if (surprise) tint(this.draft.complete ? byId('previous-image') : this.panel.nodeOf(name));
    if (this.draft.complete) {
      this.submit(name);
    } else {
      this.storeDraft();
      this.keys.mark(this.cursor.next(this.draft, name));
    }
    if (surprise) this.view.say(surprise);
  }

  /** A letter has switched to another value. @param {string} name */
  switched(name) {
    this.storeDraft();
    if (this.draft && surpriseOf(this.draft, name)) tint(this.panel.nodeOf(name));
  }

  /** Enter: take what is left and go on, or lead to what is still missing. */
  accept() {
    const { current, typedCode } = this.keys;
    if (!this.draft) return;
    if (current !== null && typedCode !== null) return this.answer(current, typedCode);
    this.draft.accept();
    if (this.draft.complete) return this.submit(current);
    this.storeDraft();
    const next = this.draft.next();
    this.keys.mark(next);
    this.view.say(next ? `${this.keys.attribute(next)?.title} has no answer yet.` : 'No answers yet. Press Space to skip the image.');
  }

  skip() {
    this.submit(this.keys.current, { skip: true });
  }

  /** Shift Space: skip, and say why. */
  async skipWithReason() {
    const { draft } = this;
    if (!draft) return;
    const reason = await this.note.ask({ title: `Skip ${draft.task.image_name}`, hint: 'Reason', action: 'Skip', longest: 200 });
    if (reason !== null && this.draft === draft) this.submit(this.keys.current, { skip: true, reason });
  }

  /** Delete: the image shall not count. */
  async exclude() {
    const { draft } = this;
    const excluded = draft && await this.exclusion.ask(draft.task.image_name);
    if (excluded && this.draft === draft) this.submit(this.keys.current, { excluded });
  }

  /** ! */
  async flag() {
    if (!this.draft) return;
    const { task } = this.draft;
    const note = await this.note.ask({ title: `Flag ${task.image_name}`, hint: 'What a reviewer should look at', action: 'Flag', required: true, longest: 500 });
    if (note && this.kept(() => this.session.flag(task, note))) this.view.say(`${task.image_name} is flagged.`);
  }

  /**
   * The image is finished.
   *
   * @param {?string} marked
   * @param {{skip?: boolean, reason?: string, excluded?: ?{reason: string, note: string}}} [options]
   */
  submit(marked, options) {
    const { draft } = this;
    if (!draft) return;
    this.clock(false);
    if (!this.kept(() => this.session.submit(draft, marked, options))) return;
    this.draft = null;
    this.show();
    this.view.count();
    this.session.tasks.sync();
  }

  /** Backspace: the last key on this image, else the image before it, as far back as the session goes. */
  undo() {
    this.view.say('');
    if (this.keys.typed) return this.keys.type('');
    const name = this.draft?.undo();
    if (name) {
      this.storeDraft();
      return this.keys.mark(name);
    }
    const { last } = this.session.history;
    if (last) this.reopen(last);
    else this.view.say('Nothing to undo: this is the first image of the session.');
  }

  /** Shift Backspace: what was undone last on this image, or its answers as they were. */
  redo() {
    this.view.say('');
    const name = this.draft?.redo();
    if (name) {
      this.storeDraft();
      return this.keys.mark(name);
    }
    const entry = this.draft?.steps.length === 0 && this.session.before(this.draft.task);
    if (entry) this.submit(entry.marked, { skip: entry.skip, reason: entry.reason, excluded: entry.excluded });
    else this.view.say('Nothing to redo.');
  }

  /**
   * An image of this session comes back on the screen with its answers.
   *
   * @param {HistoryEntry} entry
   */
  reopen(entry) {
    this.keepDraft();
    if (!this.kept(() => this.session.undo(entry))) return;
    this.show(entry.marked);
    this.view.count();
    const { task: { image_name }, skip } = entry;
    this.view.say(`${image_name} is back${skip ? '' : ' with its answers'}. Correct an answer, or press Enter to keep the image as it is.`);
  }
}

const local = new ProjectStorage(localStorage, project);
new LabelPage(await loadSchema(byId('loading-reason'), local), local, new ProjectStorage(sessionStorage, project)).start();
