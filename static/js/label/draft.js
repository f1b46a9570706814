/** @import { Answer, Attribute, Code, Suggestion, Task } from '../types' */

/** A suggestion below this probability asks for attention. */
export const UNCERTAIN = 0.8;

/** @typedef {{value: Answer, accepted: boolean}} DraftAnswer `accepted`: the suggestion was taken as it was */
/** @typedef {[attribute: string, answer: ?DraftAnswer][]} Step what a key press replaced; null if there was no answer */
/** @typedef {{answers: Record<string, DraftAnswer>, steps: Step[], undone: Step[], milliseconds: number}} KeptDraft */
/** @typedef {'answered'|'accepted'|'known'|'filled'|'uncertain'|'suggested'|'empty'} Status `filled`: a certificate answers it, nobody is asked */

/** The answers on one unfinished image, independent of page and server. */
export class Draft {
  /**
   * @param {Attribute[]} schema the attributes, in the order of the page
   * @param {Task} task as handed out by the server
   * @param {?KeptDraft} kept an earlier `toJSON` of the same image
   */
  constructor(schema, task, kept) {
    this.schema = schema;
    this.task = task;
    this.cells = new Set(task.cells.map((cell) => cell.attribute));
    this.suggestions = new Map(task.cells.map((cell) => [cell.attribute, cell.suggestion]));
    this.milliseconds = kept?.milliseconds ?? 0;
    this.steps = kept?.steps ?? [];
    this.undone = kept?.undone ?? [];
    this.answers = new Map(Object.entries(kept?.answers ?? {}).filter(([name, { value }]) => this.allows(name, value)));
  }

  /** @returns {KeptDraft} */
  toJSON() {
    return { answers: Object.fromEntries(this.answers), steps: this.steps, undone: this.undone, milliseconds: this.milliseconds };
  }

  /** @param {string} name */
  attribute(name) {
    return this.schema.find((attribute) => attribute.name === name);
  }

  /**
   * @param {string} name
   * @param {?Answer} [code]
   */
  value(name, code) {
    return this.attribute(name)?.values.find((value) => value.code === code);
  }

  /**
   * The name of a value. The schema may leave out people; the task names those among the image's labels.
   *
   * @param {string} name
   * @param {number} code
   */
  nameOf(name, code) {
    return this.value(name, code)?.name ?? (this.known(name) === code ? this.task.names?.[name] : undefined);
  }

  /**
   * Whether the schema (still) knows this answer.
   *
   * @param {string} name
   * @param {Answer} value
   */
  allows(name, value) {
    const attribute = this.attribute(name);
    return attribute !== undefined && (value === null || attribute.kind === 'open' || this.value(name, value) !== undefined);
  }

  /**
   * The label that the image had when it was handed out.
   *
   * @param {string} name
   * @returns {Code|undefined} undefined without a label
   */
  known(name) {
    return this.task.labels?.[name];
  }

  /**
   * The suggestion of a cell that has no answer yet, or null.
   *
   * @param {string} name
   * @returns {?Suggestion}
   */
  open(name) {
    const suggestion = this.suggestions.get(name);
    if (!suggestion || this.answers.has(name)) return null;
    const named = suggestion.code === null || this.value(name, suggestion.code);
    return named ? suggestion : null;
  }

  /**
   * @param {string} name
   * @returns {Status}
   */
  status(name) {
    const answer = this.answers.get(name);
    if (answer) return answer.accepted ? 'accepted' : 'answered';
    if (this.known(name) !== undefined) return 'known';
    if (!this.cells.has(name)) return 'filled';
    const suggestion = this.open(name);
    if (!suggestion) return 'empty';
    return suggestion.probability < UNCERTAIN ? 'uncertain' : 'suggested';
  }

  /** @param {Step} answers */
  put(answers) {
    this.undone = [];
    this.steps.push(this.replace(answers));
  }

  /**
   * @param {Step} answers
   * @returns {Step} what stood there before
   */
  replace(answers) {
    /** @type {Step} */
    const before = answers.map(([name]) => [name, this.answers.get(name) ?? null]);
    for (const [name, answer] of answers) {
      if (answer) this.answers.set(name, answer);
      else this.answers.delete(name);
    }
    return before;
  }

  /**
   * @param {string} name
   * @param {Answer} value
   */
  answer(name, value) {
    this.put([[name, { value, accepted: false }]]);
  }

  /** Accept all remaining suggestions. One that ends the image ("no face") makes the others unnecessary. */
  accept() {
    /** @type {[string, DraftAnswer][]} */
    const left = this.schema.flatMap((attribute) => {
      const suggestion = this.open(attribute.name);
      return suggestion ? [[attribute.name, { value: this.answerOf(attribute, suggestion.code), accepted: true }]] : [];
    });
    const end = left.find(([name, { value }]) => this.ends(name, value));
    if (left.length > 0) this.put(end ? [end] : left);
  }

  /**
   * The answer that a suggestion stands for: people are answered by name.
   *
   * @param {Attribute} attribute
   * @param {Code} code
   * @returns {Answer}
   */
  answerOf(attribute, code) {
    return attribute.kind === 'open' && code !== null ? this.value(attribute.name, code)?.name ?? code : code;
  }

  /**
   * The codes of a suggested cell, most probable first; empty without a suggestion.
   *
   * @param {string} name
   */
  ranked(name) {
    const suggestion = this.attribute(name)?.kind === 'open' ? null : this.suggestions.get(name);
    if (!suggestion) return [];
    const codes = [suggestion.code, ...(suggestion.others ?? []).map(([code]) => code)];
    return codes.filter((code) => this.value(name, code));
  }

  /**
   * Switch to the next most probable value of a suggested cell; after the last one the suggestion is open again.
   *
   * @param {string} name
   * @returns {boolean} whether there was another value
   */
  switch(name) {
    const codes = this.ranked(name);
    if (codes.length < 2) return false;
    const answer = this.answers.get(name);
    const place = answer ? codes.findIndex((code) => code === answer.value) : 0;
    const next = (place + 1) % codes.length;
    this.put([[name, next === 0 ? null : { value: codes[next], accepted: false }]]);
    return true;
  }

  /**
   * The suggested code that the labeller replaced by another answer, or null.
   *
   * @param {string} name
   */
  replaced(name) {
    const answer = this.answers.get(name);
    const suggested = this.suggestions.get(name)?.code ?? null;
    return answer && !answer.accepted && answer.value !== suggested ? suggested : null;
  }

  /** Undo the last step. @returns {?string} the attribute it belongs to, null when there is no step left */
  undo() {
    return this.exchange(this.steps, this.undone);
  }

  /** Redo the step that was undone last. @returns {?string} as undo */
  redo() {
    return this.exchange(this.undone, this.steps);
  }

  /**
   * @param {Step[]} from
   * @param {Step[]} to
   */
  exchange(from, to) {
    const step = from.pop();
    if (!step) return null;
    to.push(this.replace(step));
    return step[0][0];
  }

  /**
   * Whether nothing else is asked after this answer.
   *
   * @param {string} name
   * @param {Answer} value
   */
  ends(name, value) {
    return value !== null && Boolean(this.value(name, value)?.ends);
  }

  /** What a swipe does: it accepts, or skips an image on which nothing is answered or suggested. */
  get onward() {
    return this.answers.size === 0 && this.schema.every(({ name }) => !this.open(name)) ? 'skip' : 'accept';
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
   * else the most uncertain suggestion, else null.
   *
   * @param {?string} [after]
   * @returns {?string}
   */
  next(after = null) {
    const start = this.schema.findIndex((attribute) => attribute.name === after) + 1;
    const round = [...this.schema.slice(start), ...this.schema.slice(0, start)];
    const empty = round.find(({ name, required }) => required && this.cells.has(name) && this.status(name) === 'empty');
    if (empty) return empty.name;
    const probability = (/** @type {Attribute} */ { name }) => this.open(name)?.probability ?? 1;
    const uncertain = round.filter(({ name }) => this.status(name) === 'uncertain');
    uncertain.sort((a, b) => probability(a) - probability(b));
    return uncertain[0]?.name ?? null;
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
