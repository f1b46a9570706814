import { Draft } from './draft.js';
/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { Reasoned } from '../lib/exclude/dialog.js' */
/** @import { Attribute, Task } from '../types' */
/** @import { Finished, HistoryEntry } from './session_history.js' */
import { SessionHistory } from './session_history.js';
import { Outbox } from '../lib/outbox.js';
import { TaskQueue } from './task_queue.js';

/**
 * The labeller's work in this browser: images held, drafts, finished images, items that wait for the server. It is
 * independent of the page. If the browser cannot store a change, the method throws a DOMException and nothing changes.
 */
export class SessionState {
  /**
   * @param {Attribute[]} schema
   * @param {ProjectStorage} local shared by tabs, survives them
   * @param {ProjectStorage} session this tab's
   */
  constructor(schema, local, session) {
    this.schema = schema;
    this.drafts = local;
    this.outbox = new Outbox(local);
    this.history = new SessionHistory(session);
    this.tasks = new TaskQueue(session, this.outbox, (task) => this.draftOf(task).answers.size > 0);
    this.outbox.on('acknowledged', ({ item, answer }) => {
      if (item.kind === 'undo' && answer.task) this.tasks.setLease(item.image_id, answer.task.lease);
    });
  }

  /** @param {Task} task */
  draftOf(task) {
    return new Draft(this.schema, task, this.drafts.get(`draft:${task.image_id}`));
  }

  /** @param {Draft} draft */
  keep(draft) {
    this.drafts.set(`draft:${draft.task.image_id}`, draft);
  }

  /**
   * The current image is finished: first into the outbox, then the next one.
   *
   * @param {Draft} draft
   * @param {?string} marked the attribute to mark should the image come back
   * @param {{skip?: boolean, reason?: string, excluded?: ?Reasoned}} [options] of an image that is skipped or excluded
   */
  submit(draft, marked, { skip = false, reason = '', excluded = null } = {}) {
    const { task } = draft;
    const { image_id, image_name, lease } = task;
    const milliseconds = Math.round(draft.milliseconds);
    const submission = skip ? { values: {}, accepted: [], ...(reason && { reason }) } : draft.submission;
    const body = { image_id, lease, ...submission, milliseconds, skip };
    const key = excluded
      ? this.outbox.add({ kind: 'exclude', image_id, image_name, body: { image_ids: [image_id], ...excluded, milliseconds } })
      : this.outbox.add({ kind: 'answer', image_id, image_name, body });
    const kept = { ...draft.toJSON(), steps: [], undone: [] };
    this.history.push({ key, task, draft: kept, marked, skip: skip || excluded !== null, reason, excluded, milliseconds });
    this.drafts.remove(`draft:${image_id}`);
    this.tasks.shift();
  }

  /**
   * Undo a finished image: it comes before all others, with its answers.
   *
   * @param {HistoryEntry} entry
   */
  undo(entry) {
    const { key, task: { image_id, image_name }, task, draft } = entry;
    if (!this.outbox.dropRefused(key)) {
      this.outbox.add({ kind: 'undo', image_id, image_name, body: { submission: key } });
    }
    this.drafts.set(`draft:${image_id}`, draft);
    this.history.undo(entry);
    this.tasks.unshift(task);
  }

  /**
   * What was answered on an image before it was undone, or null.
   *
   * @param {Task} task
   * @returns {?Finished}
   */
  before(task) {
    return this.history.undone.get(task.image_id) ?? null;
  }

  /**
   * @param {Task} task
   * @param {string} note
   */
  flag({ image_id, image_name }, note) {
    this.outbox.add({ kind: 'flag', image_id, image_name, body: { image_id, note } });
  }
}
