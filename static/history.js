/** The finished images of this tab's session, the newest last, for undo and for the pace. */
export class History {
  constructor(store) {
    this.store = store;
    this.entries = store.names('history:').map((name) => ({ name, ...store.get(name) }));
  }

  get last() {
    return this.entries.at(-1) ?? null;
  }

  /** @param {{key: string, task: Object, draft: Object, at: ?string, skip: boolean, milliseconds: number}} entry */
  push(entry) {
    const place = Number(this.last?.name.slice('history:'.length) ?? 0) + 1;
    const name = `history:${String(place).padStart(6, '0')}`;
    this.entries.push({ name, ...entry });
    try {
      this.store.set(name, entry);
    } catch { // a full session store only costs undo after a reload: the answer itself is in the outbox
      this.store.names('history:').slice(0, 200).forEach((old) => this.store.remove(old));
    }
  }

  pop() {
    const entry = this.entries.pop() ?? null;
    if (entry) this.store.remove(entry.name);
    return entry;
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
