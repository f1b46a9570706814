/** @import { ProjectStorage } from '../lib/storage.js' */
/** @import { Task } from '../types' */
/** @import { Reasoned } from '../lib/exclude/dialog.js' */
/** @import { KeptDraft } from './draft.js' */

const FORGOTTEN = 200; // entries that a full storage gives up at once
const RECENT = 20; // images that the pace is measured on

/**
 * A finished image: `key` of its submission, `marked` the attribute to mark should it come back.
 *
 * @typedef {{key: string, task: Task, draft: KeptDraft, marked: ?string, skip: boolean, reason: string, milliseconds: number,
 *   excluded?: ?Reasoned}} Finished `skip`: without an answer, also if it was excluded
 */
/** @typedef {Finished & {name: string}} HistoryEntry `name`: its name in the storage */

/**
 * The finished images of this tab's session, newest last: to go back to any of them, and for the pace. An image that was undone
 * waits in `undone`, by its id, until it is answered again.
 */
export class SessionHistory {
  /** @param {ProjectStorage} store */
  constructor(store) {
    this.store = store;
    /** @type {HistoryEntry[]} */
    this.entries = store.names('history:').map((name) => ({ name, ...store.get(name) }));
    /** @type {Map<number, Finished>} */
    this.undone = new Map(store.names('undone:').map((name) => [Number(name.slice('undone:'.length)), store.get(name)]));
  }

  get last() {
    return this.entries.at(-1) ?? null;
  }

  /** @param {Finished} entry */
  push(entry) {
    const place = Number(this.last?.name.slice('history:'.length) ?? 0) + 1;
    const name = `history:${String(place).padStart(6, '0')}`;
    this.entries.push({ name, ...entry });
    this.undone.delete(entry.task.image_id);
    this.store.remove(`undone:${entry.task.image_id}`);
    this.keep(name, entry);
  }

  /**
   * The image is not finished any more.
   *
   * @param {HistoryEntry} entry one of the entries
   */
  undo(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.store.remove(entry.name);
    this.undone.set(entry.task.image_id, entry);
    this.keep(`undone:${entry.task.image_id}`, entry);
  }

  /**
   * @param {string} name
   * @param {Finished} entry
   */
  keep(name, entry) {
    try {
      this.store.set(name, entry);
    } catch { // a full session store only costs undo after a reload: the answer itself is in the outbox
      this.store.names('history:').slice(0, FORGOTTEN).forEach((old) => this.store.remove(old));
    }
  }

  /** Images answered in this session. */
  get answered() {
    return this.entries.filter((entry) => !entry.skip).length;
  }

  /** Median milliseconds an image took, over the last 20; null at the beginning. */
  get pace() {
    const recent = this.entries.filter((entry) => !entry.skip).slice(-RECENT).map((entry) => entry.milliseconds);
    return recent.length < 3 ? null : recent.sort((a, b) => a - b)[recent.length >> 1];
  }
}
