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

/** Why an image does not count. */
export interface Exclusion {
  reason: string;
  note: string;
  labeller: string;
  created_at: string;
}

export interface Progress {
  images: number;
  done: number;
  open: number;
  held_by_others: number;
}

/** The counts beside the links of a page's head. */
export interface Badges {
  review: { images: number; more: boolean } | null;
  skipped: { images: number; more: boolean };
}

// ---- the label page

export interface Suggestion {
  code: number;
  probability: number;
  others: [code: number, probability: number][];
}

/** A face of a task's image; the questions are about the one with `asked`. */
export interface TaskFace {
  number: number;
  asked: boolean;
  head: Box;
  box: Box;
}

/** A word of docs/words.md; the `sentence` of a metric has placeholders for its number. */
export interface Word {
  word: string;
  meaning: string;
  sentence: string | null;
}

export interface Task {
  image_id: number;
  image_name: string;
  image_url: string;
  thumbnail_url: string | null;
  width: number;
  height: number;
  lease: string;
  lease_seconds: number;
  cells: { attribute: string; suggestion: Suggestion | null }[];
  labels: Record<string, Code>;
  names: Record<string, string>;
  face: AskedFace | null;
  faces: TaskFace[] | null;
  tile_url: string | null;
}

/** A labelled image that looks similar to the one in front of the labeller. */
export interface SimilarImage {
  id: number;
  name: string;
  image_url: string;
  thumbnail_url: string | null;
  label: string;
  similarity: number;
}

/** Why a value is suggested; not `ready`: ask again in a moment. */
export interface Reasons {
  ready: boolean;
  code: number;
  name: string;
  probability: number;
  others: [name: string, probability: number][];
  round: number | null;
  pictures: Record<string, string>;
  pictures_missing: string;
  similar: SimilarImage[];
  similar_missing: string;
}

/** The face that is asked about; boxes in shares of the image's sides. */
export interface AskedFace {
  head: Box;
  box: Box;
  count: number;
  turn: 0 | 90 | 180 | 270;
  small: boolean;
}

export interface TasksAnswer {
  tasks: Task[];
  progress: Progress;
  renewed: string[];
  lost: string[];
  reserved: boolean;
}

/** What `GET /api/v1/loop` says: when the model learns again, and which suggestions are in use. */
export interface Loop {
  images_left: number | null;
  counted: 'labelled' | 'train';
  train_images: number;
  train_needed: number;
  round: Pick<Round, 'id' | 'state' | 'stage' | 'done' | 'total' | 'message'> | null;
  in_use: number | null;
  version: string;
  skipped: number;
  filling: string | null;
}

/** Images held, with the suggestions of today. */
export interface HeldAnswer {
  tasks: Pick<Task, 'image_id' | 'lease' | 'cells'>[];
  round: number | null;
  version: string;
}

// ---- certified filling

/** What is possible for one attribute at one target. */
export interface FillPlan {
  error: number;
  recall: number | null;
  possible: boolean;
  cells: number;
  answers: number | null;
  seconds: number | null;
  saved: number;
  chance: number | null;
  sentence: string;
  warning: string;
}

export interface FillAttribute {
  attribute: string;
  title: string;
  open: number;
  attempt: number;
  plans: FillPlan[];
}

export interface FillPlans {
  errors: number[];
  recalls: (number | null)[];
  counted_at: string | null;
  missing: string;
  planned: number;
  expected: number;
  attributes: FillAttribute[];
}

/** What was expected of a certificate when its sample was drawn. */
export interface Forecast {
  answers: number;
  cells: number;
  seconds: number | null;
  chance: number | null;
}

export interface Certificate {
  id: number;
  attribute: string;
  title: string;
  state: 'preparing' | 'sampling' | 'filling' | 'filled' | 'failed' | 'undone' | 'lapsed';
  attempt: number;
  error: number;
  recall: number | null;
  confidence: number;
  sample: number;
  answered: number;
  filled: number;
  progress: number | null;
  sentence: string;
  forecast: Forecast | null;
  round: number | null;
  created_by: string;
  created_at: string;
  decided_at: string | null;
  ended_at: string | null;
}

/** Counts per attribute. */
export interface ProgressDetail extends Progress {
  attributes: Record<string, { labelled: number }>;
  counted_at: string | null;
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

export interface ExclusionRequest {
  image_ids: number[];
  reason: string;
  note: string;
  milliseconds?: number;
}

// ---- the sweep page

export interface SweepImage {
  image_id: number;
  image_name: string;
  image_url: string;
  thumbnail_url: string | null;
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

export interface SweepSearch {
  found: number;
  missed: number;
  recall: number;
  low: number;
  high: number;
  enough: boolean;
  next_page: number;
  images: number;
  answered: number;
  source: 'predictions' | 'likeness' | 'chance';
  mostly: boolean;
  other: number | null;
}

export interface SweepAnswer {
  images: SweepImage[];
  groups: SweepGroup[];
  search: SweepSearch | null;
  progress: Progress;
  renewed: string[];
  lost: string[];
}

export interface SweepRequest {
  attribute: string;
  answers: { image_id: number; lease?: string; code: Code; accepted: boolean }[];
  left_out: string[];
  searched?: number;
  ruled_out?: number[];
  milliseconds: number;
}

// ---- the people pages

export interface Face {
  image_id: number;
  image_name: string;
  image_url: string;
  thumbnail_url: string | null;
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
  thumbnail_url: string | null;
  split: string | null;
  done: boolean;
  labels: Record<string, Code>;
  filled: Record<string, number>;
  names: Record<string, string>;
  adjudicated: string[];
  open_flags: number;
  excluded: Exclusion | null;
}

/** The newest map of the images; without one, number, points_url and made_at are null. */
export interface ImageMap {
  number: number | null;
  points_url: string | null;
  made_at: string | null;
  images: number;
  counted: number;
  state: 'ready' | 'waiting' | 'computing' | 'failed' | 'impossible';
  message: string;
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
  filled: { origin: 'model'; code: number; name: string | null; probability: number; certificate: number } | null;
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
  head_url: string | null;
  width: number;
  height: number;
  split: string | null;
  group: string | null;
  source: string;
  original_path: string;
  done: boolean;
  blind: boolean;
  gold: boolean | null;
  cells: Cell[];
  flags: Flag[];
  excluded: Exclusion | null;
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

/** A number with its 95 % interval. */
export interface Interval {
  value: number;
  low: number;
  high: number;
}

/** What a perfect model could score on the noisy labels. */
export interface Ceiling {
  source: string;
  answers: number;
  accuracy: Interval;
  balanced_accuracy: Interval | null;
  text: string;
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
  source: number | null;
  confusion: number[][] | null;
  calibration: Calibration | null;
  agreement: Coefficient | null;
  ceiling: Ceiling | null;
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
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
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
  network: string | null;
  features_reason: string | null;
  processes: number | null;
  metrics: Record<string, { test?: TestMetrics }> | null;
  in_use: boolean;
  suggests: string[];
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  pruned_at: string | null;
  pruned_bytes: number | null;
}

/** The round whose predictions suggest the values of an attribute, and why; null: they were imported. */
export interface Source {
  attribute: string;
  round: number | null;
  reason: string;
  chosen: boolean;
}

export interface ProjectWorker {
  name: string;
  kinds: string[];
  started_at: string;
  seen_at: string;
  does: { work: string; since: string }[];
}

export interface Rounds {
  rounds: Round[];
  sources: Source[];
  every: number;
  labelled_since: number;
  networks_after: number;
  workers: ProjectWorker[];
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

// ---- snapshots and exports

export interface Snapshot {
  name: string;
  content_hash: string;
  created_at: string;
  images: number;
  labelled: number;
  title: string;
  note: string;
  path: string;
}

/** A number of images or so, and the first of them. */
export interface Counted<T = string> {
  count: number;
  first: T[];
}

/** How many cells went from one text to another. */
export interface CellChange {
  from: string;
  to: string;
  cells: number;
}

export interface SnapshotDiff {
  same: boolean;
  schema_changes: string[];
  names: Record<string, Record<string, string>>;
  images: { unchanged: number } & Record<'added' | 'removed' | 'renamed' | 'replaced' | 'regrouped', Counted>;
  splits: { from: string; to: string; images: number }[];
  changed_cells: number;
  cells: Record<string, CellChange[]>;
  people: { labeller: string; origin: string; cells: number }[];
  filled: Record<string, CellChange[]>;
}

export interface ExportFormat {
  name: string;
  title: string;
  images: string;
  leaves_out: string;
}

export interface ExportFormats {
  formats: ExportFormat[];
  filled: number;
}

export interface Loss extends Counted {
  what: string;
}

export interface Export {
  name: string;
  format: string;
  path: string;
  zip_url: string;
  images: number;
  labels: number;
  filled: number;
  lost: Loss[];
}

// ---- groups and splits

export interface Group {
  key: string;
  split: string;
  images: number;
  image_url: string;
  image_name: string;
}

export interface GroupImage {
  image_id: number;
  image_name: string;
  image_url: string;
  given_group: string | null;
  twin_of: number | null;
}

export interface Leak {
  why: string;
  first: GroupImage;
  second: GroupImage;
  splits: [string, string];
}

export interface LeaksAnswer {
  groups: string[];
  leaks: Leak[];
  counted_at: string | null;
  counting: boolean;
}

export interface GroupDecision {
  id: number;
  kind: string;
  first_id: number;
  second_id: number;
  undone: boolean;
  settled: boolean;
}

export interface HeldImages {
  images: number;
  groups: number;
}

export interface SplitRow {
  attribute: string;
  value: string;
  now: Record<string, HeldImages>;
  then: Record<string, HeldImages>;
}

export interface SplitPlan {
  seed_now: number;
  seed: number;
  distance_now: number;
  distance: number;
  values: SplitRow[];
  moved: number;
  models: number;
  warnings: string[];
}

// ---- imports

export interface ImportSummary {
  id: number;
  name: string;
  bytes: number;
  received: number;
  state: 'receiving' | 'queued' | 'running' | 'done' | 'failed' | 'discarded';
  dry_run: boolean;
  done: number;
  total: number;
  error: string | null;
  needs_mapping: boolean;
  created_at: string;
  finished_at: string | null;
}

/** An address of object storage that the worker lists every so often; `problem`: what is wrong, or empty. */
export interface Watched {
  url: string;
  every_seconds: number;
  last_at: string | null;
  problem: string;
  text: string;
}

export interface Imports {
  imports: ImportSummary[];
  watched: Watched[];
  announced: number;
  room: number;
}

/** What an import did, or would do. */
export interface ImportReport {
  format: string;
  dry_run: boolean;
  notes?: string[];
  images: {
    imported: number;
    already: number;
    duplicates: Counted<[string, string]>;
    refused: Counted<[string, string]>;
    renamed: Counted<[string, string]>;
    notes?: Counted<[string, string]>;
    misfits?: Counted;
    left_aside: number;
    faces?: number;
    found?: number;
    ignored?: Record<string, number>;
    texts?: string[];
  };
  labels: {
    rows: number;
    added: number;
    replaced: number;
    unchanged: number;
    kept: number;
    absent: Counted;
    values: Record<string, Record<string, number>>;
    notes: string[];
    contradictions: Counted<[string, string]>;
    left_aside: string[];
    elsewhere?: Counted<[string, string]>;
    ambiguous?: Counted<[string, string]>;
    texts?: string[];
  } | null;
  heads?: { photos: number; looked_at: number; crowded: number; cut_before: boolean | null; recommended: boolean; text: string } | null;
  unread?: Counted<[string, string]>;
  unmapped: Counted<[string, number]>;
}

export interface Import extends ImportSummary {
  format: string;
  mapping: string;
  labels: 'truth' | 'opinions';
  faces: boolean;
  names_encoding: string;
  restore_erased: boolean;
  fps: number;
  report: ImportReport | null;
  proposed: string | null;
}

export interface MappedValue {
  value: string;
  count: number;
  answer: string;
}

export interface MappedColumn {
  name: string;
  count: number;
  distinct: number;
  attribute: string;
  values: MappedValue[];
  readings: string[];
  reading: number | null;
}

export interface MappedLabel {
  label: string;
  count: number;
  attribute: string;
  value: string;
}

export interface MappedExample {
  image: string;
  image_url: string;
  labels: Record<string, string>;
}

export interface VideoLength {
  frames: number;
  seconds: number;
}

/** What the labels of an upload mean, and the text of the mapping that says so. */
export interface Mapping {
  kind: 'none' | 'table' | 'names' | 'folders';
  text: string;
  image: string | null;
  headers: string[];
  columns: MappedColumn[];
  more_columns: number;
  labels: MappedLabel[];
  more_labels: number;
  examples: MappedExample[];
  video: VideoLength | null;
}

/** One change of a mapping: of a column, a flat label or the column of images. */
export interface MappingChange {
  image?: string;
  column?: string;
  attribute?: string;
  values?: Record<string, string>;
  reading?: number;
  label?: string;
  value?: string;
}

// ---- changes of the schema

export interface ValueDetail {
  code: number;
  name: string;
  status: string;
  ends: boolean;
  replaced_by: number[];
  labels: number;
}

export interface AttributeDetail {
  name: string;
  title: string;
  key: string;
  kind: 'categorical' | 'open';
  required: boolean;
  groups: boolean;
  spellings: string[];
  values: ValueDetail[];
  guideline: string;
  examples: { image: string; code: number }[];
  labelled: number;
  people: number | null;
}

export interface SchemaDetail {
  version: number;
  counted_at: string | null;
  may_change: boolean;
  attributes: AttributeDetail[];
}

export interface SchemaChange {
  text: string;
  warning: string;
  labels: number;
  images: number;
}

// ---- the team

export interface Proportion {
  value: number;
  low: number;
  high: number;
  count: number;
  of: number;
}

export interface LabellerMetrics {
  answers: number;
  images: number;
  seconds: number | null;
  per_hour: number | null;
  gold: Proportion | null;
  others: Proportion | null;
  accepted: number;
  corrected: number;
}

export interface Member {
  id: number;
  name: string;
  role: string;
  active: boolean;
  has_password: boolean;
  me: boolean;
  figures: LabellerMetrics;
  tokens: Token[];
  sessions: BrowserSession[];
}

/** A token of a program, without the secret. */
export interface Token {
  id: number;
  purpose: string;
  scope: 'read' | 'label' | 'admin';
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

/** A browser in which an account is logged in. */
export interface BrowserSession {
  id: number;
  device: string;
  address: string;
  created_at: string;
  last_used_at: string;
  current: boolean;
}

/** The account of the caller. */
export interface OwnAccount {
  name: string;
  role: string;
  has_password: boolean;
  sessions: BrowserSession[];
  tokens: Token[];
  provider: string | null;
  linked: boolean;
}

/** A page of the access log. */
export interface AccessLog {
  entries: { id: number; at: string; kind: string; event: string; who: string; address: string; target: string }[];
  next: number | null;
}

export interface AttributeAgreement {
  attribute: string;
  images: number;
  percent: Coefficient;
  alpha: Coefficient;
  fleiss: Coefficient;
  cohen: { first: string; second: string; kappa: Coefficient }[];
}

/** Of `answers`, how many equal the value that the model suggests. */
export interface Agreeing {
  equal: number;
  answers: number;
}

/** How far people follow suggestions; `attribute` and `labeller` are null in sum. */
export interface Anchoring {
  attribute: string | null;
  labeller: string | null;
  shown: Agreeing;
  withheld: Agreeing;
  images: number;
  difference: number | null;
  low: number | null;
  high: number | null;
  text: string;
}

export interface Team {
  accounts: boolean;
  manages: boolean;
  members: Member[];
  attributes: AttributeAgreement[];
  settings: { overlap_share: number; overlap_opinions: number; overlap_confidence: number; gold_share: number; relabel_share: number; aggregation: string; withhold_share: number } | null;
  noise: { attribute: string; text: string }[];
  anchoring: Anchoring[];
  gold: number;
  wanted: number;
  counted_at: string | null;
  counting: boolean;
}

/** What an aggregation changed, or would change. */
export interface Aggregation {
  method: string;
  cells: number;
  changed: number;
  undecided: number;
}

/** Where a labeller stands who must qualify before their answers count. */
export interface Qualification {
  state: string;
  attempts: number;
  answered: number;
  images: number;
  right: number;
  cells: number;
  pass_mark: number;
  task: { image_id: number; image_url: string; width: number; height: number; attributes: string[] } | null;
}

/** An answer of a qualification, and the known one. */
export interface CheckedCell {
  attribute: string;
  code: Code;
  known: Code;
  right: boolean;
}

/** A labeller who must qualify or tried to, and the newest attempt. */
export interface Candidate {
  id: number;
  name: string;
  qualified: boolean;
  state: string;
  attempts: number;
  answered: number;
  images: number;
  right: number;
  cells: number;
}

/** The settings of the qualification, and how labellers did. */
export interface TeamQualification {
  images: number;
  pass_mark: number;
  gold: number;
  people: Candidate[];
}

/** What an assignment would do. */
export interface AssignmentPreview {
  images: number;
  groups: number;
  rest: number;
  assigned: number;
  done: number;
  overlapped: number;
  opinions: number;
  lacking: boolean;
  parts: { people: number[]; share: number | null; images: number; held: number }[];
}

/** How far some people are with images that are assigned to them. */
export interface PoolProgress {
  people: number[];
  names: string[];
  share: number | null;
  images: number;
  done: number | null;
  absent: boolean;
}

/** Images that only some people get; `view` null means all open ones. */
export interface Assignment {
  id: number;
  state: string;
  by: string;
  created_at: string;
  released_at: string | null;
  view: Record<string, string> | null;
  covers_new: boolean;
  parts: PoolProgress[];
}

export interface TakeBackEffect {
  submissions: number;
  answers: number;
  images: number;
  opened: number;
  restored: number;
  reopened: number;
  people_changes: number;
  aggregated: number;
}

export interface PastTakeBack {
  submission: string;
  effect: TakeBackEffect;
  by: string;
  created_at: string;
  undone: boolean;
  labeller: string | null;
  upload: number | null;
  source: string | null;
  since: string | null;
  until: string | null;
  naming: boolean;
  state: string;
  covered: number;
}

export interface Naming {
  submission: string;
  created_at: string;
  name: string | null;
  images: number;
  undone: boolean;
}

// ---- kept in the browser

interface OutboxBodies {
  answer: AnnotationRequest;
  undo: { submission: string };
  exclude: ExclusionRequest;
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
  thumbnail_url: string | null;
  width: number;
  height: number;
}

// ---- backups

export interface BackupPlace {
  path: string;
  kind: string;
  every_seconds: number | null;
  keep: number | null;
  last_at: string | null;
  error: string | null;
  overdue: boolean;
  reached: boolean;
  generations: {name: string, created_at: string}[];
  text: string;
}

export interface Backups {
  text: string;
  last_at: string | null;
  problem: string;
  places: BackupPlace[];
}

// ---- erasures

export interface ErasureCopy {
  kind: 'snapshot' | 'export' | 'upload' | 'backup';
  path: string;
  command: string;
  certain: boolean;
}

export interface ErasurePreview {
  what: 'images' | 'person' | 'name';
  images: number;
  first_images: string[];
  photos: number;
  shared_photos: number;
  people: number;
  faces: number;
  rows: Record<string, number>;
  rounds_that_start_anew: number;
  copies: ErasureCopy[];
  texts: string[];
}

export interface Erasure {
  id: number;
  state: 'begun' | 'cleaning' | 'done';
  receipt: Record<string, any>;
}
