"""The closed sets of words that the database stores as text, such as the kinds of submissions and the origins of annotations."""

from __future__ import annotations

from enum import StrEnum


class SubmissionKind(StrEnum):
    """What a submission was: the way in which its annotations reached the log."""

    ANSWER = "answer"
    """One image, from the label page."""
    SKIP = "skip"
    """An image that the labeller did not want to answer."""
    SWEEP = "sweep"
    """One attribute of a page of images, from the page *Sweep*."""
    REVIEW = "review"
    """A correction or a reviewer's decision, from *Browse* and *Review*."""
    PEOPLE = "people"
    """A set of faces of one person."""
    RENAME = "rename"
    """A new name for a person."""
    MERGE = "merge"
    """Two people turned out to be one."""
    SPLIT = "split"
    """Images of one person turned out to show another one, or nobody who is named."""
    UNDO = "undo"
    """An earlier submission no longer counts."""
    TAKE_BACK = "take back"
    """Many earlier submissions no longer count: those of a labeller, an import or a time span."""
    CLEAR = "clear"
    """A reviewer opened cells again."""
    IMPORT = "import"
    """Labels or opinions from a file."""
    AGGREGATE = "aggregate"
    """Labels computed from all opinions."""
    SCHEMA = "schema"
    """A value of the schema was merged or split."""
    EXCLUDE = "exclude"
    """Images that shall not count any more; it has no annotations."""
    RESTORE = "restore"
    """Excluded images that count again; it has no annotations."""
    PROMOTION = "promotion"
    """Predictions were chosen by a person; it has no annotations."""


INDEPENDENT = (SubmissionKind.ANSWER, SubmissionKind.SWEEP)
"""Submissions in which labellers judged on their own; a correction is made in sight of the other answers."""

JUDGED = (*INDEPENDENT, SubmissionKind.REVIEW)
"""Submissions in which somebody looked at the image; an import is not among them."""


class Finder(StrEnum):
    """What found a face."""

    HOG = "hog"
    """dlib's HOG detector."""
    CNN = "cnn"
    """dlib's CNN detector."""
    IMPORT = "import"
    """Nothing: its landmarks came with the image."""


class Origin(StrEnum):
    """How an annotation came about."""

    HUMAN = "human"
    """A labeller chose the value."""
    SUGGESTION = "suggestion"
    """A labeller accepted the value that the model suggested."""
    OPINION = "opinion"
    """A labeller's answer that did not become the label."""
    REVIEW = "review"
    """A reviewer's decision."""
    IMPORT = "import"
    """A label from a file."""
    AGGREGATE = "aggregate"
    """The value that an aggregation found."""
    MERGE = "merge"
    """The label followed its person, who was merged into another one."""
    SCHEMA = "schema"
    """The label followed its value, which was merged into another one."""
    REOPENED = "reopened"
    """The label's value was split: the cell is open again."""
    CLEARED = "cleared"
    """A reviewer opened the cell again: the answers before it no longer count."""
    UNDO = "undo"
    """The annotation before it in this cell no longer counts."""


PERSONAL = (Origin.HUMAN, Origin.SUGGESTION, Origin.OPINION)
"""Origins of what one labeller answered, whether it became the label or not."""

NO_LABEL = (Origin.OPINION, Origin.UNDO, Origin.REOPENED, Origin.CLEARED)
"""Origins of annotations that never become the label of their cell."""


class JobState(StrEnum):
    """The state of a round or an import in the worker's queue."""

    RECEIVING = "receiving"
    """Only imports: the upload is not complete."""
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DISCARDED = "discarded"
    """Only imports: the uploader gave it up."""
    CANCELLED = "cancelled"
    """Only rounds: somebody cancelled it before its predictions were loaded."""


UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
"""States of jobs that the worker has to do."""


class CertificateState(StrEnum):
    """How far a certificate is. Only in the state `filled` its cells count."""

    PREPARING = "preparing"
    """The worker writes down which cells it may fill, and draws the acceptance sample."""
    SAMPLING = "sampling"
    """People answer the sample."""
    FILLING = "filling"
    """The sample was good enough: the worker fills the cells."""
    FILLED = "filled"
    FAILED = "failed"
    """The sample had too many errors, or was too small."""
    UNDONE = "undone"
    """Somebody ended it: its cells are open again."""
    LAPSED = "lapsed"
    """What it rests on has changed, such as the schema or the answers of its sample: its cells are open again."""


class TieKind(StrEnum):
    """What a person decided about a tie between two images."""

    JOIN = "join"
    """They belong to one group, so no split may part them."""
    CUT = "cut"
    """They are no near-duplicates."""


class ErasureState(StrEnum):
    """How far an erasure is. Its rows are deleted from the start; the next worker completes one that is unfinished."""

    BEGUN = "begun"
    """Files that hold what was erased may still be there."""
    CLEANING = "cleaning"
    """The files are gone; free pages of the database may still hold bytes of it."""
    DONE = "done"


class TakeBackState(StrEnum):
    """How far a take-back is. Every batch leaves the labels as they follow from the answers that still count."""

    RUNNING = "running"
    """Some of its answers still count; the next batch goes on."""
    DONE = "done"
    UNDOING = "undoing"
    """It was undone, and some of its answers do not count again yet."""
    UNDONE = "undone"


class AssignmentState(StrEnum):
    """The state of an assignment. Only the images of an active one are kept for its people; everybody gets the others."""

    PREPARING = "preparing"
    """Its images are still being chosen, or that was interrupted."""
    ACTIVE = "active"
    RELEASING = "releasing"
    """It no longer holds, and its images still carry its mark."""
    RELEASED = "released"
