/** The label page's controller: what the labeller does → draft → outbox, and which image comes next. */
import { call } from './api.js';
import { Draft } from './draft.js';
import { Help } from './help.js';
import { History } from './history.js';
import { meaning, typedCode } from './keys.js';
import { Outbox } from './outbox.js';
import { Panel } from './panel.js';
import { Pictures } from './pictures.js';
import { measurePaint, Screen } from './screen.js';
import { Store } from './store.js';
import { AHEAD, Tasks } from './tasks.js';
import { Unsent } from './unsent.js';

const page = document.documentElement.dataset;
const at = (id) => document.getElementById(id);

class LabelPage {
  constructor(schema, local, session) {
    this.schema = schema;
    this.drafts = local;
    this.outbox = new Outbox(local);
    this.history = new History(session);
    this.tasks = new Tasks(session, this.outbox, (task) => this.restored(task).answers.size > 0);
    this.pictures = new Pictures();
    this.screen = new Screen(schema, this.outbox, this.history, this.pictures);
    this.help = new Help(at('help'), schema);
    this.unsent = new Unsent(this.outbox, at('unsent'), at('refused'), (values) => this.screen.words(values));
    this.panel = new Panel(at('attributes'), schema, {
      onmark: (name) => name === this.current || this.mark(name),
      onanswer: (name, value, event) => this.answer(name, value, event?.timeStamp),
    });
    Object.assign(this, { draft: null, current: null, typed: '', since: null, pressed: null });
    this.listen();
  }

  listen() {
    addEventListener('keydown', (event) => this.key(event));
    addEventListener('pagehide', () => this.keepDraft());
    document.addEventListener('visibilitychange', () => this.clock(!document.hidden));
    // Clicking must not take the keyboard away from the page.
    at('work').addEventListener('mousedown', (event) => event.target.closest('button') && event.preventDefault());
    for (const button of document.querySelectorAll('[data-command]')) {
      button.addEventListener('click', (event) => this.run(button.dataset.command, undefined, event));
    }
    this.pictures.addEventListener('change', ({ detail }) => detail === this.draft?.task.image_id && this.screen.showPicture());
    this.tasks.addEventListener('filled', () => this.refresh(null));
    this.tasks.addEventListener('dry', () => this.refresh(null));
    this.tasks.addEventListener('trouble', ({ detail }) => this.refresh(detail));
    this.tasks.addEventListener('progress', ({ detail }) => this.reached(detail));
    this.outbox.addEventListener('acknowledged', ({ detail }) => this.acknowledged(detail));
    this.outbox.addEventListener('calm', () => page.state === 'waiting' && this.tasks.sync());
  }

  start() {
    if (this.tasks.current) this.show();
    this.tasks.sync();
    this.outbox.send();
  }

  // ---- which image is on the screen

  restored(task) {
    return new Draft(this.schema, task, this.drafts.get(`draft:${task.image_id}`));
  }

  /** The queue has changed, or could not: keep the image on the screen if it is still the first. */
  refresh(trouble) {
    this.screen.trouble = trouble;
    if (this.tasks.current?.image_id !== this.draft?.task.image_id) this.show();
    else if (this.tasks.current) this.prepare();
    else this.screen.state();
  }

  /** Show the first task of the queue; everything it needs is here already. */
  show(marked = null) {
    this.keepDraft();
    const task = this.tasks.current;
    this.draft = task && this.restored(task);
    this.screen.show(task);
    this.clock(!document.hidden);
    if (task) this.mark(marked ?? this.draft.next());
    if (task && this.pressed !== null) measurePaint(this.pressed);
    this.pressed = null;
    setTimeout(() => this.prepare(), 0);
  }

  /** Fetch and decode the images ahead, and the one that the next undo would bring back. */
  prepare() {
    const { last } = this.history;
    this.pictures.keep([...this.tasks.queue.slice(0, AHEAD + 1), ...(last ? [last.task] : [])]);
  }

  /** The server has answered: if answers wait since it was away, now is the time. */
  reached(progress) {
    this.screen.count(progress);
    if (this.outbox.failures > 0) this.outbox.send();
  }

  acknowledged({ item, answer }) {
    if (item.kind === 'undo' && answer.task) this.tasks.setLease(item.image_id, answer.task.lease);
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
    try {
      this.drafts.set(`draft:${this.draft.task.image_id}`, this.draft);
    } catch (error) {
      this.screen.full(error);
    }
  }

  // ---- keys and commands; a command is a method

  key(event) {
    const found = meaning(event);
    if (!found) return;
    const [command, argument] = found;
    if (this.help.open && command !== 'help') return;
    const target = event.target.closest?.('button, a, summary, input');
    if (target?.matches('input') && ['letter', 'digit', 'value'].includes(command)) return;
    if (target && !target.matches('input') && ['accept', 'skip'].includes(command)) return; // the element's own key
    event.preventDefault();
    this.run(command, argument, event);
  }

  run(command, argument, event) {
    if (command === 'help') return this.help.toggle();
    const allowed = page.state === 'ready' || command === 'undo' || (command === 'skip' && this.draft);
    if (!allowed) return; // nobody answers an image that cannot be seen
    this.pressed = event.timeStamp;
    this.screen.say('');
    this[command](argument);
    this.pressed = null;
  }

  letter(letter) {
    const found = this.schema.find((attribute) => attribute.key?.toLowerCase() === letter);
    if (found) this.mark(found.name);
    else this.screen.say(`No attribute has the key ${letter.toUpperCase()}. The key ? shows all keys.`);
  }

  digit(digit) {
    const attribute = this.attribute(this.current);
    if (!attribute || attribute.kind === 'open') {
      return this.screen.say("First mark an attribute with its letter, then press a value's digit.");
    }
    const typed = this.typed + digit;
    const found = typedCode(typed, attribute.values);
    if (found && !found.more) return this.answer(attribute.name, found.code);
    this.type(found ? typed : '');
    if (found) this.screen.say(`${attribute.title}: ${typed}… – another digit, or Enter.`);
    else this.screen.say(`${attribute.title} has no value ${typed}.`);
  }

  attribute(name) {
    return this.schema.find((attribute) => attribute.name === name);
  }

  type(typed) {
    this.typed = typed;
    this.panel.render(this.draft, this.current, typed);
  }

  mark(name) {
    this.current = name;
    this.type('');
    this.panel.focus(name);
  }

  leave() {
    this.type('');
    document.activeElement?.blur();
  }

  /** ↑ ↓ */
  step(by) {
    const place = this.schema.findIndex((attribute) => attribute.name === this.current);
    const from = place < 0 && by < 0 ? 0 : place;
    this.mark(this.schema[(from + by + this.schema.length) % this.schema.length].name);
  }

  /** ← → */
  value(by) {
    if (!this.current) this.step(1);
    this.panel.step(this.current, by);
  }

  unsure() {
    if (this.current) this.answer(this.current, null);
    else this.screen.say('First mark an attribute with its letter.');
  }

  answer(name, value, pressed = this.pressed) {
    if (page.state !== 'ready') return;
    this.pressed = pressed;
    this.screen.say('');
    this.draft.answer(name, value);
    if (this.draft.complete) return this.submit(name);
    this.storeDraft();
    this.mark(this.draft.next(name));
  }

  /** Enter: take what is left and go on, or lead to what is still missing. */
  accept() {
    const half = this.typed && typedCode(this.typed, this.attribute(this.current).values);
    if (half && half.code !== null) return this.answer(this.current, half.code);
    this.draft.accept();
    if (this.draft.complete) return this.submit(this.current);
    this.storeDraft();
    this.mark(this.draft.next());
    if (this.current) this.screen.say(`${this.attribute(this.current).title} has no answer yet.`);
    else this.screen.say('Nothing is answered yet. Space puts the image aside.');
  }

  skip() {
    this.submit(this.current, true);
  }

  /** The image is finished: first into the outbox, then the next one. */
  submit(marked, skip = false) {
    this.clock(false);
    const { task } = this.draft;
    const { image_id, image_name, lease } = task;
    const milliseconds = Math.round(this.draft.milliseconds);
    const given = skip ? { values: {}, accepted: [] } : this.draft.submission;
    let key;
    try {
      key = this.outbox.add({ kind: 'answer', image_id, image_name, body: { image_id, lease, ...given, milliseconds, skip } });
    } catch (error) {
      return this.screen.full(error);
    }
    this.history.push({ key, task, draft: { ...this.draft.toJSON(), steps: [] }, marked, skip, milliseconds });
    this.drafts.remove(`draft:${image_id}`);
    this.draft = null;
    this.tasks.shift();
    this.show();
    this.screen.count();
    this.tasks.sync();
  }

  /** Backspace: the last key on this image, else the image before it, as far back as the session goes. */
  undo() {
    if (this.typed) return this.type('');
    const name = this.draft?.takeBack();
    if (name) {
      this.storeDraft();
      return this.mark(name);
    }
    const entry = this.history.last;
    if (!entry) return this.screen.say('Nothing to take back: this is the first image of the session.');
    const { key, task, draft, marked, skip } = entry;
    try {
      if (!this.outbox.dropRefused(key)) {
        this.outbox.add({ kind: 'undo', image_id: task.image_id, image_name: task.image_name, body: { submission: key } });
      }
      this.drafts.set(`draft:${task.image_id}`, draft);
    } catch (error) {
      return this.screen.full(error);
    }
    this.history.pop();
    this.tasks.unshift(task);
    this.show(marked);
    this.screen.count();
    this.screen.say(`${task.image_name} is back${skip ? '' : ' with its answers'}. A correction goes on by itself, Enter keeps it as it is.`);
  }
}

/** The schema, asked for until the server answers: without it there is nothing to show. */
async function schemaOf() {
  for (;;) {
    try {
      return (await call('GET', 'schema')).attributes;
    } catch (error) {
      if (!('passing' in error)) throw error;
      at('loading-reason').textContent = `${error.message} Trying again …`;
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
    }
  }
}

new LabelPage(await schemaOf(), new Store(localStorage, page.project), new Store(sessionStorage, page.project)).start();
