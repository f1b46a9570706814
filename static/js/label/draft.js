/** A suggestion below this probability asks for attention. */
export const DOUBTFUL = 0.8;

/**
 * The answers on one image, not finished yet. Knows no page and no server.
 *
 * An answer is `{value, accepted}`: a code, a person's name, or null for can't tell; `accepted` when it is the
 * suggestion taken as it was.
 */
export class Draft {
  /**
   * @param {Object[]} schema the attributes, in the order of the page
   * @param {Object} task as handed out by the server
   * @param {?Object} kept an earlier `toJSON` of the same image
   */
  constructor(schema, task, kept) {
    this.schema = schema;
    this.task = task;
    this.cells = new Set(task.cells.map((cell) => cell.attribute));
    this.suggestions = new Map(task.cells.map((cell) => [cell.attribute, cell.suggestion]));
    this.milliseconds = kept?.milliseconds ?? 0;
    this.steps = kept?.steps ?? []; // what each key press replaced: [[attribute, answer or null], …]
    this.undone = kept?.undone ?? []; // the same for the steps that were taken back
    this.answers = new Map(Object.entries(kept?.answers ?? {}).filter(([name, { value }]) => this.allows(name, value)));
  }

  toJSON() {
    return { answers: Object.fromEntries(this.answers), steps: this.steps, undone: this.undone, milliseconds: this.milliseconds };
  }

  attribute(name) {
    return this.schema.find((attribute) => attribute.name === name);
  }

  value(name, code) {
    return this.attribute(name).values.find((value) => value.code === code);
  }

  /** The name of a value; of a person who is too many to be in the schema if the image has them as a label. */
  nameOf(name, code) {
    return this.value(name, code)?.name ?? (this.known(name) === code ? this.task.names?.[name] : undefined);
  }

  /** Whether the schema (still) knows this answer. */
  allows(name, value) {
    const attribute = this.attribute(name);
    return Boolean(attribute) && (value === null || attribute.kind === 'open' || Boolean(this.value(name, value)));
  }

  /** What stood here before this image was handed out: a code, null for can't tell, undefined for nothing. */
  known(name) {
    return this.task.labels?.[name];
  }

  /** The suggestion of a cell that has no answer yet, or null. */
  open(name) {
    const suggestion = this.suggestions.get(name);
    if (!suggestion || this.answers.has(name)) return null;
    const named = suggestion.code === null || this.value(name, suggestion.code);
    return named ? suggestion : null;
  }

  /** `answered`, `accepted`, `known`, `doubtful`, `suggested` or `empty`. */
  status(name) {
    const answer = this.answers.get(name);
    if (answer) return answer.accepted ? 'accepted' : 'answered';
    if (this.known(name) !== undefined) return 'known';
    const suggestion = this.open(name);
    if (!suggestion) return 'empty';
    return suggestion.probability < DOUBTFUL ? 'doubtful' : 'suggested';
  }

  put(answers) {
    this.undone = [];
    this.steps.push(this.replace(answers));
  }

  /** @returns {Array} what stood there before, in the same form: `[[attribute, answer or null], …]` */
  replace(answers) {
    const before = answers.map(([name]) => [name, this.answers.get(name) ?? null]);
    for (const [name, answer] of answers) {
      if (answer) this.answers.set(name, answer);
      else this.answers.delete(name);
    }
    return before;
  }

  answer(name, value) {
    this.put([[name, { value, accepted: false }]]);
  }

  /** Take every suggestion that is left; one that ends the image ("no face") makes the others needless. */
  accept() {
    const left = this.schema
      .filter((attribute) => this.open(attribute.name))
      .map((attribute) => [attribute.name, { value: this.given(attribute, this.open(attribute.name)), accepted: true }]);
    const end = left.find(([name, { value }]) => this.ends(name, value));
    if (left.length > 0) this.put(end ? [end] : left);
  }

  /** The answer that a suggestion stands for: people are answered by name. */
  given(attribute, { code }) {
    return attribute.kind === 'open' && code !== null ? this.value(attribute.name, code).name : code;
  }

  /** The codes of a suggested cell, the most probable first; empty where nothing is suggested. */
  ranked(name) {
    const suggestion = this.attribute(name).kind === 'open' ? null : this.suggestions.get(name);
    if (!suggestion) return [];
    const codes = [suggestion.code, ...(suggestion.others ?? []).map(([code]) => code)];
    return codes.filter((code) => this.value(name, code));
  }

  /**
   * Go on to the next probable value of a suggested cell; after the last one the suggestion is open again.
   *
   * @returns {boolean} whether there was one to go on to
   */
  switch(name) {
    const codes = this.ranked(name);
    if (codes.length < 2) return false;
    const place = this.answers.has(name) ? codes.indexOf(this.answers.get(name).value) : 0;
    const next = (place + 1) % codes.length;
    this.put([[name, next === 0 ? null : { value: codes[next], accepted: false }]]);
    return true;
  }

  /** The suggested code that the labeller replaced by another answer, or null. */
  replaced(name) {
    const answer = this.answers.get(name);
    const suggested = this.suggestions.get(name)?.code ?? null;
    return answer && !answer.accepted && answer.value !== suggested ? suggested : null;
  }

  /** Undo the last step. @returns {?string} the attribute it belongs to, null when there is no step left */
  takeBack() {
    return this.exchange(this.steps, this.undone);
  }

  /** Redo the step that was taken back last. @returns {?string} as takeBack */
  putBack() {
    return this.exchange(this.undone, this.steps);
  }

  exchange(from, to) {
    const step = from.pop();
    if (!step) return null;
    to.push(this.replace(step));
    return step[0][0];
  }

  ends(name, value) {
    return value !== null && Boolean(this.value(name, value)?.ends);
  }

  get ended() {
    return [...this.answers].some(([name, { value }]) => this.ends(name, value));
  }

  /** Whether nothing is left to ask. */
  get complete() {
    const required = this.schema.filter((attribute) => attribute.required && this.cells.has(attribute.name));
    return this.ended || (this.answers.size > 0 && required.every((attribute) => this.answers.has(attribute.name)));
  }

  /**
   * The cell to answer next: the first required one without answer and suggestion after `after` (then from the top),
   * else the most doubtful suggestion, else null.
   */
  next(after = null) {
    const start = this.schema.findIndex((attribute) => attribute.name === after) + 1;
    const round = [...this.schema.slice(start), ...this.schema.slice(0, start)];
    const empty = round.find(({ name, required }) => required && this.cells.has(name) && this.status(name) === 'empty');
    if (empty) return empty.name;
    const doubtful = round.filter(({ name }) => this.status(name) === 'doubtful');
    doubtful.sort((a, b) => this.open(a.name).probability - this.open(b.name).probability);
    return doubtful[0]?.name ?? null;
  }

  /** The `values` of the annotation, and which suggestions were `accepted` and which `corrected`. */
  get submission() {
    return {
      values: Object.fromEntries([...this.answers].map(([name, { value }]) => [name, value])),
      accepted: [...this.answers].filter(([, { accepted }]) => accepted).map(([name]) => name),
      corrected: [...this.answers.keys()].filter((name) => this.replaced(name) !== null),
    };
  }
}
