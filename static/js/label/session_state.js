import { Draft } from './draft.js';
import { SessionHistory } from './session_history.js';
import { Outbox } from '../lib/outbox.js';
import { TaskQueue } from './task_queue.js';

/**
 * The labeller's work as it is kept in this browser: images held, drafts, finished images, what waits for the server.
 * Knows no page. Whatever cannot be kept throws a DOMException, and then nothing has changed.
 */
export class SessionState {
  /**
   * @param {Object[]} schema
   * @param {import('../lib/storage.js').ProjectStorage} local shared by tabs, survives them
   * @param {import('../lib/storage.js').ProjectStorage} session this tab's
   */
  constructor(schema, local, session) {
    Object.assign(this, { schema, drafts: local });
    this.outbox = new Outbox(local);
    this.history = new SessionHistory(session);
    this.tasks = new TaskQueue(session, this.outbox, (task) => this.draftOf(task).answers.size > 0);
    this.outbox.addEventListener('acknowledged', ({ detail: { item, answer } }) => {
      if (item.kind === 'undo' && answer.task) this.tasks.setLease(item.image_id, answer.task.lease);
    });
  }

  draftOf(task) {
    return new Draft(this.schema, task, this.drafts.get(`draft:${task.image_id}`));
  }

  keep(draft) {
    this.drafts.set(`draft:${draft.task.image_id}`, draft);
  }

  /**
   * The current image is finished: first into the outbox, then the next one.
   *
   * @param {Draft} draft
   * @param {?string} marked the attribute to mark should the image come back
   * @param {{skip: boolean, reason: string}} [aside]
   */
  submit(draft, marked, { skip = false, reason = '' } = {}) {
    const { task } = draft;
    const { image_id, image_name, lease } = task;
    const milliseconds = Math.round(draft.milliseconds);
    const given = skip ? { values: {}, accepted: [], ...(reason && { reason }) } : draft.submission;
    const body = { image_id, lease, ...given, milliseconds, skip };
    const key = this.outbox.add({ kind: 'answer', image_id, image_name, body });
    const kept = { ...draft.toJSON(), steps: [], undone: [] };
    this.history.push({ key, task, draft: kept, marked, skip, reason, milliseconds });
    this.drafts.remove(`draft:${image_id}`);
    this.tasks.shift();
  }

  /** Take back a finished image: it comes before all others, with its answers. */
  takeBack(entry) {
    const { key, task: { image_id, image_name }, task, draft } = entry;
    if (!this.outbox.dropRefused(key)) {
      this.outbox.add({ kind: 'undo', image_id, image_name, body: { submission: key } });
    }
    this.drafts.set(`draft:${image_id}`, draft);
    this.history.takeBack(entry);
    this.tasks.unshift(task);
  }

  /** What was answered on an image before it was taken back, or null. */
  before(task) {
    return this.history.undone.get(task.image_id) ?? null;
  }

  flag({ image_id, image_name }, note) {
    this.outbox.add({ kind: 'flag', image_id, image_name, body: { image_id, note } });
  }
}
