/**
 * The shapes of the API's JSON, as docs/api.md and /api/v1/openapi.json describe them, and what the pages keep in the browser.
 * Only tsc reads this file: no page loads it.
 */

/** A value's code; null means "can't tell". */
export type Code = number | null;
/** What a labeller answers: a code, a person's name, or null for "can't tell". */
export type Answer = number | string | null;
/** Left, top, right, bottom. */
export type Box = [number, number, number, number];

export interface Problem {
  code: string;
  what: string;
  kept: string;
  do: string;
}

// ---- schema and progress

export interface Value {
  code: number;
  name: string;
  ends: boolean;
}

export interface Example {
  image_name: string;
  image_url: string | null;
  code: number;
}

export interface Attribute {
  name: string;
  title: string;
  kind: 'categorical' | 'open';
  key: string;
  required: boolean;
  values: Value[];
  searched: boolean;
  guideline: string;
  examples: Example[];
}

export interface Progress {
  images: number;
  done: number;
  open: number;
  held_by_others: number;
}

// ---- the label page

export interface Suggestion {
  code: number;
  probability: number;
  others: [code: number, probability: number][];
}

export interface Task {
  image_id: number;
  image_name: string;
  image_url: string;
  width: number;
  height: number;
  lease: string;
  lease_seconds: number;
  cells: { attribute: string; suggestion: Suggestion | null }[];
  labels: Record<string, Code>;
  names: Record<string, string>;
  face: { head: Box; box: Box; count: number } | null;
}

export interface TasksAnswer {
  tasks: Task[];
  progress: Progress;
  renewed: string[];
  lost: string[];
}

export interface AnnotationRequest {
  image_id: number;
  lease: string | null;
  values: Record<string, Answer>;
  accepted: string[];
  corrected?: string[];
  milliseconds: number;
  skip: boolean;
  reason?: string;
}

// ---- the sweep page

export interface SweepImage {
  image_id: number;
  image_name: string;
  image_url: string;
  width: number;
  height: number;
  lease: string;
  lease_seconds: number;
  suggestion: Suggestion | null;
}

export interface SweepGroup {
  code: number;
  cells: number;
}

export interface SweepAnswer {
  images: SweepImage[];
  groups: SweepGroup[];
  progress: Progress;
  renewed: string[];
  lost: string[];
}

export interface SweepRequest {
  attribute: string;
  answers: { image_id: number; lease?: string; code: Code; accepted: boolean }[];
  left_out: string[];
  milliseconds: number;
}

// ---- the people pages

export interface Face {
  image_id: number;
  image_name: string;
  image_url: string;
  width: number;
  height: number;
  box: Box | null;
  turn: number;
}

export interface Person {
  code: number;
  name: string;
  images: number;
  face: Face | null;
}

export interface ResemblingPerson extends Person {
  distance: number;
}

export interface FaceSet {
  faces: (Face & { distance: number })[];
  size: number;
  proposed: boolean;
  people: ResemblingPerson[];
}

export interface SetsAnswer {
  attribute: string;
  sets: FaceSet[];
  people: ResemblingPerson[];
  proposed: boolean;
  computing: boolean;
  unnamed: number;
  described: number;
}

export interface ConfirmRequest {
  person: Answer;
  images: number[];
  exceptions: number[];
  unsure: number[];
  unknown: number[];
  accepted: boolean;
  milliseconds: number;
}

export interface PersonChange {
  code: number;
  before: string;
  after: string;
  into: number | null;
  labeller: string;
  created_at: string;
  undone: boolean;
}

export interface PersonDetail extends Person {
  faces: Face[];
  resembling: ResemblingPerson[];
  history: PersonChange[];
}

// ---- browse and review

export interface ImageCard {
  id: number;
  name: string;
  image_url: string;
  split: string;
  done: boolean;
  labels: Record<string, Code>;
  names: Record<string, string>;
  adjudicated: string[];
  open_flags: number;
}

/** One annotation of a cell. */
export interface Annotation {
  id: number;
  code: Code;
  name: string | null;
  labeller: string;
  origin: string;
  created_at: string;
  undone: boolean;
}

export interface Cell {
  attribute: string;
  label: Annotation | null;
  suggestion: { code: number; name: string | null; probability: number } | null;
  differing: boolean;
  undecided: boolean;
  contradicted: boolean;
  suspicion: { label_probability: number; code: number; name: string | null; probability: number } | null;
  history: Annotation[];
}

export interface Flag {
  id: number;
  image_id: number;
  note: string;
  labeller: string;
  created_at: string;
  resolved_at: string | null;
  resolved_by: string | null;
}

export interface ImageDetail {
  id: number;
  name: string;
  image_url: string;
  width: number;
  height: number;
  split: string;
  group: string;
  source: string;
  original_path: string;
  done: boolean;
  blind: boolean;
  gold: boolean | null;
  cells: Cell[];
  flags: Flag[];
}

// ---- metrics

/** A number with its 95 % interval; what is null cannot be told, and `reason` says why. */
export interface Metric {
  value: number | null;
  low: number | null;
  high: number | null;
  reason?: string | null;
}

/** Cohen's kappa and its like, over `images`. */
export interface Coefficient extends Metric {
  images: number;
}

/** One round on the learning curve. */
export interface CurvePoint extends Metric {
  round: number;
  labels: number;
  images: number;
  groups: number;
}

export interface Calibration {
  error: number;
  null_low: number;
  null_high: number;
  honest: boolean;
  bins: { images: number; confidence: number; right: number }[];
}

export type Split = 'train' | 'val' | 'test';

export interface Advice {
  verdict: 'start' | 'go on' | 'stop';
  text: string;
  checks: { name: 'stable' | 'narrow' | 'gain'; met: boolean | null; text: string }[];
}

export interface AttributeInsights {
  attribute: string;
  title: string;
  labelled: number;
  unsure: number;
  imbalance: number | null;
  values: ({ code: number; name: string } & Record<Split, number>)[];
  curve: CurvePoint[];
  gain: { value: number; low: number | null; high: number | null; rounds: number } | null;
  changed: number | null;
  classes: { code: number; name: string }[];
  confusion: number[][] | null;
  calibration: Calibration | null;
  agreement: Coefficient | null;
  advice: Advice;
}

export interface Pace {
  cells: number;
  hours: number;
  per_hour: number | null;
  open_images: number;
  open_cells: number;
  hours_left: number | null;
  days: { day: string; cells: number; hours: number }[];
}

export interface LabelsSaved {
  round: number;
  worth: number | null;
  low: number | null;
  high: number | null;
  random: number;
  chosen: number;
  held_out: number;
  saved: number | null;
  text: string;
}

export interface Insights {
  in_use: number | null;
  rounds: { id: number; finished_at: string; labelled: number; accepted: number; corrected: number }[];
  attributes: AttributeInsights[];
  pace: Pace;
  labels_saved: LabelsSaved | null;
}

// ---- rounds

/** Metrics of the test split, as a round's report.json has them. */
export interface TestMetrics {
  images?: number;
  groups?: number;
  accuracy?: number | null;
  balanced_accuracy?: number | null;
  recall?: Record<string, number | null>;
}

export interface Round {
  id: number;
  state: 'queued' | 'running' | 'done' | 'failed';
  engine: string;
  strategy: string;
  automatic: boolean;
  stage: string;
  done: number;
  total: number;
  message: string;
  error: string | null;
  attempts: number;
  labelled: number | null;
  features: number | null;
  features_reason: string | null;
  metrics: Record<string, { test?: TestMetrics }> | null;
  in_use: boolean;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface Rounds {
  rounds: Round[];
  every: number;
  labelled_since: number;
  networks_after: number;
}

export interface AttributeChange {
  attribute: string;
  now: Metric;
  before: Metric | null;
  difference: Metric | null;
  changed: number | null;
}

export interface RoundChanges {
  previous: number | null;
  attributes: AttributeChange[];
  head: number;
  new_in_head: number | null;
  report_url: string | null;
}

// ---- kept in the browser

interface OutboxBodies {
  answer: AnnotationRequest;
  undo: { submission: string };
  flag: { image_id: number; note: string };
  sweep: SweepRequest;
  'sweep undo': { submission: string; left_out: number[] };
  people: ConfirmRequest;
  'people undo': { submission: string };
}

export type OutboxKind = keyof OutboxBodies;

type OutboxItemOf<K extends OutboxKind> = {
  kind: K;
  key: string;
  image_id: number | null;
  image_name: string;
  body: OutboxBodies[K];
};

/** A request on its way to the server; `key` is its Idempotency-Key. */
export type OutboxItem = { [K in OutboxKind]: OutboxItemOf<K> }[OutboxKind];
/** An item before it has a key. */
export type NewOutboxItem = { [K in OutboxKind]: Omit<OutboxItemOf<K>, 'key'> & { key?: string } }[OutboxKind];
/** An item and its name in the storage. */
export type StoredItem = OutboxItem & { name: string };
/** An item that the server refused, and why. */
export type RefusedItem = StoredItem & { error: Omit<Problem, 'code'> };

/** The image as the cache needs it. */
export interface CachedImage {
  image_id: number;
  image_name: string;
  image_url: string;
  width: number;
  height: number;
}
