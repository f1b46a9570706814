"""Pruning old rounds: their models, snapshots and most predictions are deleted, and everything that the curves are computed from stays.

Rounds are measured on the labels of the test split, by their predictions. So a pruned round keeps its predictions of the test
split, its metrics and report, and the small files that tell how it was trained. It can no longer suggest or be continued. These
rounds stay whole:

- the newest ones that are done, and the newest one of each engine, to whose network the next round may be compared
- those that suggest values or give the order of work, and the best measured ones
- those whose network computes the features of a round that stays whole, or is tried
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.states import UNFINISHED, JobState
from annotator.domain.timestamps import utc_text
from annotator.errors import Busy, Conflict, FacelabelError
from annotator.files import sync_folder, write_atomically
from annotator.formats.snapshot.manifest import read_manifest
from annotator.formats.snapshot.reduction import reduce_predictions
from annotator.models import Image, Predictions, Round, now
from annotator.project import ProjectFolder
from annotator.services.common.job_queue import analysis_lock
from annotator.services.common.round_artifacts import TRIALS, newest_result, round_of_result
from annotator.services.predictions.active import newest_entries, round_in_use

PRUNED = "PRUNED.txt"
"""The file in the folder of a pruned round that says so to anybody who looks for its model."""
_KEPT_FILES = {".csv", ".html", ".json", ".jsonl", ".log", ".toml", ".txt"}
"""The files of a training that stay: metrics, configuration, environment, and what was computed for the pages."""


@dataclass(frozen=True)
class PrunableRound:
    """A round that can be pruned: its number, and about how many bytes that frees."""

    id: int
    bytes: int


def prunable_rounds(project: ProjectFolder, keep: int) -> list[PrunableRound]:
    """The rounds that would be pruned, oldest first.

    Args:
        project: the project.
        keep: how many of the newest rounds stay whole, at least 1.
    """
    with project.database.read() as session:
        numbers = _prunable(project, session, keep)
        share = _test_share(session)
    return [PrunableRound(number, _would_free(project.round_folder(number), share)) for number in numbers]


def prune_rounds(project: ProjectFolder, keep: int) -> list[PrunableRound]:
    """Prune all rounds that can be pruned, and return them with the bytes that it freed.

    A killed run is continued by the next one; the curves are complete at every moment.

    Args:
        project: the project.
        keep: as of `prunable_rounds`.

    Raises:
        Busy: if an analysis reads a round, or another process is pruning.
    """
    pruned = []
    with analysis_lock(project) as alone:
        if not alone:
            raise Busy(
                "analysis_running",
                "A round is being analysed or pruned.",
                kept="No round was pruned.",
                do="Try again in a minute.",
            )
        with project.database.read() as session:
            numbers = _prunable(project, session, keep)
        for number in numbers:
            if _mark(project, number, keep):
                pruned.append(PrunableRound(number, _prune(project, number)))
    return pruned


class RoundPruning:
    """Prunes old rounds after each new one.

    Args:
        project: the project.
        keep: as of `prunable_rounds`; 0: no round is pruned.
    """

    def __init__(self, project: ProjectFolder, keep: int) -> None:
        self._project, self._keep = project, keep
        self._seen: int | None = None

    def run_step(self) -> bool:
        """Prune what can be pruned since the newest round is done; return whether anything was."""
        if self._keep == 0:
            return False
        with self._project.database.read() as session:
            newest = session.scalar(select(func.max(Predictions.id)))
        if newest == self._seen:
            return False
        try:
            pruned = prune_rounds(self._project, self._keep)
        except Busy:
            return False  # the next step tries again
        self._seen = newest
        return bool(pruned)


def is_pruned(folder: Path) -> bool:
    """Whether the round of a folder was pruned, or its pruning has begun."""
    return (folder / PRUNED).exists()


def delete_unkept(folder: Path) -> None:
    """Delete the files of a pruned round that are not kept; its predictions are reduced, not deleted."""
    for path in list(_leaving(folder)):
        path.unlink()
        sync_folder(path.parent)


def refuse_pruned(session: Session, number: int) -> None:
    """Check that a round was not pruned.

    Raises:
        Conflict: if it was.
    """
    row = session.get_one(Round, number)
    if row.pruned_at is not None:
        raise pruned_error(f"Round {number}")


def pruned_error(name: str) -> Conflict:
    """The error for a round whose model or full predictions somebody asks for."""
    return Conflict(
        "round_pruned",
        f"{name} was pruned: its model and most of its predictions were deleted; its curve and its report are kept.",
        kept="The predictions in use stay in use.",
        do="Choose a newer round, or start one.",
    )


def _prunable(project: ProjectFolder, session: Session, keep: int) -> list[int]:
    """The numbers of the rounds to prune, and of those whose pruning was interrupted, oldest first."""
    whole = _whole(project, session, keep)
    newest = _newest_done(session, keep)
    ended = select(Round.id).where(
        Round.state.in_([JobState.DONE, JobState.FAILED]),
        Round.pruned_bytes.is_(None),
        Round.id < min(newest, default=0),
        Round.id.not_in(whole),
    )
    return list(session.scalars(ended.order_by(Round.id)))


def _newest_done(session: Session, keep: int) -> list[int]:
    done = select(Round.id).where(Round.state == JobState.DONE).order_by(Round.id.desc()).limit(keep)
    return list(session.scalars(done))


def _whole(project: ProjectFolder, session: Session, keep: int) -> set[int]:
    """The rounds that stay whole."""
    whole = set(_newest_done(session, keep))
    frozen = Round.features.is_(None) & Round.network.is_(None)
    done = select(func.max(Round.id)).where(Round.state == JobState.DONE)
    whole |= set(session.scalars(done.group_by(Round.engine, frozen)))
    for schema_hash in session.scalars(select(Predictions.schema_hash).distinct()):
        whole |= {number for number in (round_in_use(session, schema_hash),) if number is not None}
        for entry, _ in newest_entries(session, schema_hash).values():
            used = Predictions.id.in_([entry.predictions_id, entry.best_id])
            made = select(Predictions.round_id).where(used, Predictions.round_id.is_not(None))
            whole |= {number for number in session.scalars(made) if number is not None}
    trials = newest_result(project, TRIALS)
    if trials is not None:
        whole.add(round_of_result(trials))
    reading = Round.id.in_(whole) | Round.state.in_(UNFINISHED)
    return whole | set(session.scalars(select(Round.features).where(reading, Round.features.is_not(None))))


def _mark(project: ProjectFolder, number: int, keep: int) -> bool:
    """Record that a round is pruned from now on, unless it came into use meanwhile."""
    with project.database.write() as session:
        row = session.get_one(Round, number)
        if row.pruned_at is None and number not in _prunable(project, session, keep):
            return False
        row.pruned_at = row.pruned_at or now()
    return True


def _prune(project: ProjectFolder, number: int) -> int:
    """Delete what a marked round does not keep, and return how many bytes that freed."""
    folder = project.round_folder(number)
    before = _size(folder.rglob("*"))
    if folder.is_dir():
        _say_pruned(folder, number)
    predictions = folder / "run" / "predictions"
    if predictions.is_dir():
        _reduce(project, predictions)
    delete_unkept(folder)
    freed = before - _size(folder.rglob("*"))
    with project.database.write() as session:
        session.get_one(Round, number).pruned_bytes = freed
    return freed


def _reduce(project: ProjectFolder, predictions: Path) -> None:
    """Keep the predictions of the test split. Its images are all on which rounds are ever measured."""
    with project.database.read() as session:
        names = session.scalars(select(Image.name).where(Image.split == "test"))
        try:
            reduce_predictions(predictions, names)
            manifest = read_manifest(predictions, "facelabel-predictions")
        except FacelabelError:
            return  # they are damaged, which the pages say
    path = predictions.relative_to(project.path).as_posix()
    with project.database.write() as session:
        for row in session.scalars(select(Predictions).where(Predictions.path == path)):
            row.rows, row.content_hash = manifest["rows"], manifest["manifest_hash"]


def _say_pruned(folder: Path, number: int) -> None:
    text = (
        f"Round {number} was pruned on {utc_text(now())}: its model, its snapshot and most of its predictions were deleted.\n"
        "Its metrics, its report and its predictions of the test split are kept.\n"
    )
    if not is_pruned(folder):
        write_atomically(folder / PRUNED, text.encode())


def _leaving(folder: Path) -> Iterator[Path]:
    """What is deleted of the folder of a round: the rows of its snapshot, and the large files of its training."""
    for path in sorted((folder / "snapshot").rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            yield path
    kept = {folder / "run" / name for name in ("predictions", "report")}
    for path in sorted((folder / "run").rglob("*")):
        inside = kept & set(path.parents)
        if path.is_file() and not inside and path.suffix not in _KEPT_FILES:
            yield path


def _test_share(session: Session) -> float:
    """The share of the images that are in the test split."""
    test = Image.split == "test"
    images, kept = session.execute(select(func.count(), func.count().filter(test)).select_from(Image)).one()
    return kept / images if images else 0.0


def _would_free(folder: Path, share: float) -> int:
    """About how many bytes pruning a round frees, of whose predictions a share stays."""
    predictions = folder / "run" / "predictions" / "predictions.arrow"
    return _size(_leaving(folder)) + round(_size(iter([predictions])) * (1 - share))


def _size(files: Iterator[Path]) -> int:
    """The bytes of files that no other folder holds too."""
    states = (path.stat() for path in files if path.is_file())
    return sum(state.st_size for state in states if state.st_nlink == 1)
