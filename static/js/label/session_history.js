/**
 * The finished images of this tab's session, the newest last: to go back to any of them, and for the pace.
 *
 * An entry is `{name, key, task, draft, marked, skip, reason, milliseconds}`. One that was taken back waits in `undone`,
 * by its image, until the image is answered again.
 */
export class SessionHistory {
  constructor(store) {
    this.store = store;
    this.entries = store.names('history:').map((name) => ({ name, ...store.get(name) }));
    this.undone = new Map(store.names('undone:').map((name) => [Number(name.slice('undone:'.length)), store.get(name)]));
  }

  get last() {
    return this.entries.at(-1) ?? null;
  }

  push(entry) {
    const place = Number(this.last?.name.slice('history:'.length) ?? 0) + 1;
    const name = `history:${String(place).padStart(6, '0')}`;
    this.entries.push({ name, ...entry });
    this.undone.delete(entry.task.image_id);
    this.store.remove(`undone:${entry.task.image_id}`);
    this.keep(name, entry);
  }

  /** @param {Object} entry one of the entries: its image is not finished any more */
  takeBack(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.store.remove(entry.name);
    this.undone.set(entry.task.image_id, entry);
    this.keep(`undone:${entry.task.image_id}`, entry);
  }

  keep(name, entry) {
    try {
      this.store.set(name, entry);
    } catch { // a full session store only costs undo after a reload: the answer itself is in the outbox
      this.store.names('history:').slice(0, 200).forEach((old) => this.store.remove(old));
    }
  }

  /** Images answered in this session. */
  get answered() {
    return this.entries.filter((entry) => !entry.skip).length;
  }

  /** Median milliseconds an image took, over the last 20; null at the beginning. */
  get pace() {
    const recent = this.entries.filter((entry) => !entry.skip).slice(-20).map((entry) => entry.milliseconds);
    return recent.length < 3 ? null : recent.sort((a, b) => a - b)[recent.length >> 1];
  }
}
