"""Prepare a certificate: plan it, write down which cells it may fill, and draw the acceptance sample.

The cells are written in short transactions. Nothing of it holds before the sample is drawn, so an interrupted preparation goes
on where it was. The sample is drawn once all cells are written: what may be filled is fixed before anybody is asked.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, exists, func, insert, select, text
from sqlalchemy.orm import Session

from annotator.domain.certificates.ladder import Ladder
from annotator.domain.certificates.plan import Shortfall, plan
from annotator.domain.certificates.target import Target
from annotator.domain.states import CertificateState
from annotator.errors import FacelabelError
from annotator.models import (
    Annotation,
    Certificate,
    CertificateCell,
    CertificateSample,
    Image,
    Lease,
    Submission,
    now,
)
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.certificates.basis import Basis, read_basis
from annotator.services.certificates.pace import read_pace
from annotator.services.certificates.people import AnswerNoise
from annotator.services.common.counted import COUNTED
from annotator.services.common.open_cells import recount_open_cells
from annotator.services.predictions.label_columns import fetch_many
from annotator.services.schema.active import active_schema

BATCH_CELLS = 4000
"""Cells that one transaction writes."""
_PART = 10_000  # rows that one query reads or names


@dataclass(frozen=True)
class _Candidates:
    """What a certificate may fill: (cells,) arrays in the order of the predictions' rows."""

    images: NDArray[np.int64]
    rows: NDArray[np.int64]
    levels: NDArray[np.int64]
    codes: NDArray[np.int64]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True)
class _Planned:
    """A plan as it is stored, the id of its predictions, and its candidates."""

    plan: dict[str, Any]
    predictions: int
    candidates: _Candidates


_CANDIDATES = CacheKind[int, _Candidates](size=1)
"""The candidates of a certificate that is being prepared, by its number; a new process computes them again."""


def prepare(project: ProjectFolder, number: int) -> None:
    """Do the next step of a certificate in the state `preparing`: plan it, write the next cells, or draw the sample.

    Args:
        project: the project.
        number: the certificate.
    """
    with project.database.read() as session:
        row = session.get_one(Certificate, number)
        if row.drawn_at is not None or row.state != CertificateState.PREPARING:
            return
        if not row.plan:
            planned = _plan(project, session, row)
        else:
            planned = None
            candidates = _candidates(project, session, row)
            start = int(np.searchsorted(candidates.rows, row.cursor, side="right")) if candidates else 0
    if planned is not None:
        _keep_plan(project, number, planned)
    elif candidates is None:
        _keep_plan(project, number, "The predictions that it fills from are gone.")
    elif start < len(candidates.rows):
        _write_cells(project, number, candidates, start)
    else:
        _draw(project, number)


def _keep_plan(project: ProjectFolder, number: int, planned: _Planned | str) -> None:
    with project.database.write() as session:
        row = session.get_one(Certificate, number)
        if row.state != CertificateState.PREPARING:
            return
        if isinstance(planned, str):
            row.state, row.reason, row.ended_at = CertificateState.FAILED, planned, now()
        elif not row.plan:  # another worker may have planned it meanwhile
            row.plan, row.predictions_id = planned.plan, planned.predictions
            project.database.cache.put(_CANDIDATES, number, planned.candidates)


def _plan(project: ProjectFolder, session: Session, row: Certificate) -> _Planned | str:
    """The plan, from the predictions that suggest now; or the reason why there is none."""
    active = active_schema(session)
    name = active.names[row.attribute_id]
    try:
        basis = read_basis(project, session, name)
    except FacelabelError as error:
        return error.what
    pace = read_pace(session)
    made = plan(
        basis.checked,
        basis.open_,
        basis.labelled_counts,
        basis.images,
        Target.from_json(row.target),
        row.attempt,
        pace.seconds,
        basis.allowance,
    )
    if isinstance(made, Shortfall):
        return made.sentence(name, basis.names)
    draw = {
        "codes": basis.codes,
        "labelled_counts": basis.labelled_counts.tolist(),
        "images": basis.images,
        "allowance": asdict(basis.allowance),
    }
    people = AnswerNoise(session, active).of(name)
    stored = {
        **made.to_json(),
        "people": people.to_json() if people else None,
        "seconds": round(made.sample * pace.blind),
        "draw": draw,
    }
    return _Planned(stored, basis.source.predictions, _choose(basis, made.ladder))


def _candidates(project: ProjectFolder, session: Session, row: Certificate) -> _Candidates | None:
    """The candidates by the stored ladder; None if the predictions are no longer there."""
    kept = project_cache(session).get(_CANDIDATES, row.id)
    if kept is not None:
        return kept
    try:
        basis = read_basis(project, session, active_schema(session).names[row.attribute_id])
    except FacelabelError:
        return None
    if basis.source.predictions != row.predictions_id:
        return None
    candidates = _choose(basis, Ladder.from_json(row.plan["ladder"]))
    project_cache(session).put(_CANDIDATES, row.id, candidates)
    return candidates


def _choose(basis: Basis, ladder: Ladder) -> _Candidates:
    """The cells of the ladder whose value labellers can choose."""
    p = basis.open_
    levels, best = ladder.levels(p), p.argmax(axis=1) if len(p) else np.empty(0, np.int64)
    chosen = (levels > 0) & basis.fillable[best]
    codes = np.asarray(basis.codes, np.int64)[best]
    return _Candidates(
        basis.open_images[chosen],
        basis.open_rows[chosen],
        levels[chosen],
        codes[chosen],
        p[chosen].max(axis=1, initial=0),
    )


_INSERT_CELL = text(
    "INSERT INTO certificate_cells (certificate_id, image_id, level, code, probability) "
    "SELECT :certificate, :image, :level, :code, :probability WHERE EXISTS (SELECT 1 FROM images WHERE id = :image) "
    "AND NOT EXISTS (SELECT 1 FROM labels WHERE image_id = :image AND attribute_id = :attribute) "
    "ON CONFLICT (certificate_id, image_id) DO UPDATE SET "
    "level = excluded.level, code = excluded.code, probability = excluded.probability"
)
"""A cell that got a label or whose image was erased meanwhile is not written."""


def _write_cells(project: ProjectFolder, number: int, candidates: _Candidates, start: int) -> None:
    batch = slice(start, start + BATCH_CELLS)
    columns = (
        candidates.images[batch].tolist(),
        candidates.levels[batch].tolist(),
        candidates.codes[batch].tolist(),
        candidates.probabilities[batch].tolist(),
    )
    with project.database.write(durable=False, many=True) as session:
        row = session.get_one(Certificate, number)
        if row.state != CertificateState.PREPARING:
            return
        cells = [
            {
                "certificate": number,
                "attribute": row.attribute_id,
                "image": image,
                "level": level,
                "code": code,
                "probability": probability,
            }
            for image, level, code, probability in zip(*columns, strict=True)
        ]
        session.connection().execute(_INSERT_CELL, cells)
        row.cursor = int(candidates.rows[batch][-1])


def _draw(project: ProjectFolder, number: int) -> None:
    """Draw the sample: the first candidates in a random order of all images, without those that somebody holds or answered."""
    with project.database.read() as session:
        newest = session.scalar(select(func.max(Annotation.id))) or 0
        cells = _read_cells(session, number)
        size = int(session.get_one(Certificate, number).plan["sample"])
        shared = _seed_of_another_sample(session, number)
    seed = secrets.randbits(62) if shared is None else shared
    images = cells[:, 0]
    order = np.argsort(np.random.default_rng(seed).random(images.max(initial=0) + 1)[images])
    with project.database.write() as session:
        if shared != _seed_of_another_sample(session, number):
            return  # somebody has seen the other sample meanwhile; the next step draws
        row = session.get_one(Certificate, number)
        if row.state != CertificateState.PREPARING:
            return
        is_left = ~np.isin(cells[:, 0], _gone(session, row, newest))
        if is_left.sum() != _count_cells(session, number):
            return  # images were erased meanwhile; the next step draws
        chosen = cells[order[is_left[order]][:size]]
        if not len(chosen):
            row.state, row.ended_at = CertificateState.FAILED, now()
            row.reason = "No open cell is left that it may fill."
            return
        rows = [
            {"certificate_id": number, "image_id": image, "level": level, "code": code}
            for image, level, code in chosen.tolist()
        ]
        session.execute(insert(CertificateSample), rows)
        tables = {"population": _table(row, cells[is_left]), "sampled": _table(row, chosen)}
        row.plan = row.plan | {"draw": row.plan["draw"] | tables}
        row.seed, row.drawn_at, row.state = seed, now(), CertificateState.SAMPLING
        _ask_sample(session, row, chosen[:, 0].tolist())
        project_cache(session).clear(_CANDIDATES)


def _seed_of_another_sample(session: Session, number: int) -> int | None:
    """The seed of another attribute's sample that nobody has seen yet; None if there is none.

    Samples with the same seed share most of their images, so that people have to look at fewer. As long as nobody holds an image
    of the other sample, or has answered or excluded any image since it was drawn, nothing that this sample's candidates follow
    from depends on that seed: the order that it gives is random for them too.
    """
    newest = session.scalar(select(Submission.created_at).order_by(Submission.id.desc()).limit(1))
    attribute_id = session.get_one(Certificate, number).attribute_id
    held = exists().where(
        CertificateSample.certificate_id == Certificate.id,
        Lease.image_id == CertificateSample.image_id,
        Lease.expires_at > now(),
    )
    query = select(Certificate.seed).where(
        Certificate.state == CertificateState.SAMPLING, Certificate.attribute_id != attribute_id, ~held
    )
    if newest is not None:
        query = query.where(Certificate.drawn_at > newest)
    return session.scalars(query.order_by(Certificate.id.desc()).limit(1)).first()


def _read_cells(session: Session, number: int) -> NDArray[np.int64]:
    """The candidates by image: (cells, 3) images, levels and codes."""
    query = (
        select(CertificateCell.image_id, CertificateCell.level, CertificateCell.code)
        .where(CertificateCell.certificate_id == number)
        .order_by(CertificateCell.image_id)
    )
    parts = [np.asarray(rows, np.int64) for rows in fetch_many(session, query, _PART)]
    return np.concatenate(parts) if parts else np.empty((0, 3), np.int64)


def _gone(session: Session, row: Certificate, newest: int) -> list[int]:
    """Forget the candidates of images that got an answer since the annotation `newest`, are held or are excluded; return these.

    Who holds an image may have a suggestion in sight.
    """
    labelled = select(Annotation.image_id).where(
        Annotation.id > newest, Annotation.attribute_id == row.attribute_id
    )
    held = select(Lease.image_id).where(Lease.expires_at > now())
    excluded = select(Image.id).where(~COUNTED)
    gone = [image for query in (labelled, held, excluded) for image in session.scalars(query)]
    for start in range(0, len(gone), _PART):
        some = delete(CertificateCell).where(
            CertificateCell.certificate_id == row.id,
            CertificateCell.image_id.in_(gone[start : start + _PART]),
        )
        session.execute(some, execution_options={"synchronize_session": False})
    return gone


def _count_cells(session: Session, number: int) -> int:
    return session.scalar(select(func.count()).where(CertificateCell.certificate_id == number)) or 0


def _table(row: Certificate, cells: NDArray[np.int64]) -> list[list[int]]:
    """Count cells by level and value."""
    codes = row.plan["draw"]["codes"]
    table = np.zeros((len(Ladder.from_json(row.plan["ladder"]).thresholds), len(codes)), np.int64)
    places = {code: place for place, code in enumerate(codes)}
    np.add.at(
        table, (cells[:, 1] - 1, np.asarray([places[code] for code in cells[:, 2].tolist()], np.int64)), 1
    )
    return [[int(number) for number in level] for level in table]


def _ask_sample(session: Session, row: Certificate, images: list[int]) -> None:
    """Open the sampled cells that an earlier certificate fills, so that the queue asks them."""
    of_attribute = select(Certificate.id).where(
        Certificate.attribute_id == row.attribute_id, Certificate.id != row.id
    )
    earlier = delete(CertificateCell).where(
        CertificateCell.certificate_id.in_(of_attribute), CertificateCell.image_id.in_(images)
    )
    session.execute(earlier, execution_options={"synchronize_session": False})
    session.flush()
    recount_open_cells(session, select(Image.id).where(Image.id.in_(images)))
