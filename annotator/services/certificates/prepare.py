"""Prepare a certificate: plan it, write down which cells it may fill, and draw the acceptance sample.

The cells are written in short transactions. Nothing of it holds before the sample is drawn, so an interrupted preparation goes
on where it was. The sample is drawn once all cells are written: what may be filled is fixed before anybody is asked.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, insert, or_, select, text
from sqlalchemy.orm import Session

from annotator.domain.certificates.ladder import Ladder
from annotator.domain.certificates.plan import Shortfall, plan
from annotator.domain.certificates.target import Target
from annotator.domain.states import CertificateState
from annotator.errors import FacelabelError
from annotator.models import Certificate, CertificateCell, CertificateSample, Image, Lease, now
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.certificates.evidence import Evidence, read_evidence
from annotator.services.common.counted import COUNTED, of_counted_image
from annotator.services.common.open_cells import recount_open_cells
from annotator.services.schema.active import active_schema

BATCH_CELLS = 4000
"""Cells that one transaction writes."""
_SPARE = 1000
"""Cells drawn beyond the sample, for those that somebody answers or holds at that moment."""


@dataclass(frozen=True)
class _Candidates:
    """What a certificate may fill: (cells,) arrays in the order of the predictions' rows."""

    images: NDArray[np.int64]
    rows: NDArray[np.int64]
    levels: NDArray[np.int64]
    codes: NDArray[np.int64]
    probabilities: NDArray[np.float64]


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


def _keep_plan(project: ProjectFolder, number: int, planned: dict[str, object] | str) -> None:
    with project.database.write() as session:
        row = session.get_one(Certificate, number)
        if row.state != CertificateState.PREPARING:
            return
        if isinstance(planned, str):
            row.state, row.reason, row.ended_at = CertificateState.FAILED, planned, now()
            session.execute(delete(CertificateCell).where(CertificateCell.certificate_id == number))
        else:
            row.plan = planned


def _plan(project: ProjectFolder, session: Session, row: Certificate) -> dict[str, object] | str:
    """The plan as it is stored, or the reason why there is none."""
    name = active_schema(session).names[row.attribute_id]
    try:
        evidence = read_evidence(project, session, name)
    except FacelabelError as error:
        return error.what
    if evidence.source.predictions != row.predictions_id:
        return "Other predictions suggest its values meanwhile."
    made = plan(
        evidence.checked,
        evidence.open_.probabilities,
        evidence.labelled_counts,
        evidence.images,
        Target.from_json(row.target),
        row.attempt,
    )
    if isinstance(made, Shortfall):
        return made.sentence(name, evidence.names)
    draw = {
        "codes": evidence.codes,
        "labelled_counts": evidence.labelled_counts.tolist(),
        "images": evidence.images,
    }
    _remember(session, row.id, _choose(evidence, made.ladder))
    return {**made.to_json(), "draw": draw}


def _candidates(project: ProjectFolder, session: Session, row: Certificate) -> _Candidates | None:
    """The candidates by the stored ladder; None if the predictions are no longer there."""
    kept = project_cache(session).get(_CANDIDATES, row.id)
    if kept is not None:
        return kept
    try:
        evidence = read_evidence(project, session, active_schema(session).names[row.attribute_id])
    except FacelabelError:
        return None
    if evidence.source.predictions != row.predictions_id:
        return None
    return _remember(session, row.id, _choose(evidence, Ladder.from_json(row.plan["ladder"])))


def _remember(session: Session, number: int, candidates: _Candidates) -> _Candidates:
    project_cache(session).put(_CANDIDATES, number, candidates)
    return candidates


def _choose(evidence: Evidence, ladder: Ladder) -> _Candidates:
    """The cells of the ladder whose value labellers can choose."""
    p = evidence.open_.probabilities
    levels, best = ladder.levels(p), p.argmax(axis=1) if len(p) else np.empty(0, np.int64)
    chosen = (levels > 0) & evidence.fillable[best]
    codes = np.asarray(evidence.codes, np.int64)[best]
    return _Candidates(
        evidence.open_.images[chosen],
        evidence.open_.rows[chosen],
        levels[chosen],
        codes[chosen],
        p[chosen].max(axis=1, initial=0),
    )


_INSERT_CELL = text(
    "INSERT OR REPLACE INTO certificate_cells (certificate_id, image_id, level, code, probability) "
    "SELECT :certificate, :image, :level, :code, :probability WHERE EXISTS (SELECT 1 FROM images WHERE id = :image) "
    "AND NOT EXISTS (SELECT 1 FROM labels WHERE image_id = :image AND attribute_id = :attribute)"
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
    with project.database.write(durable=False) as session:
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
    """Draw the sample: the first cells of a random order of all candidates, without those that somebody holds or answered."""
    seed = secrets.randbits(62)
    with project.database.read() as session:
        row = session.get_one(Certificate, number)
        images, levels, codes = _cells(session, number)
        size, places = int(row.plan["sample"]), {c: n for n, c in enumerate(row.plan["draw"]["codes"])}
    order = np.random.default_rng(seed).permutation(len(images))[: size + _SPARE]
    drawn = images[order].tolist()
    population = np.zeros((max(levels, default=0), len(places)), np.int64)
    np.add.at(population, (levels - 1, np.asarray([places[code] for code in codes], np.int64)), 1)
    with project.database.write() as session:
        row = session.get_one(Certificate, number)
        if row.state != CertificateState.PREPARING:
            return
        _drop_held(session, number)
        free = {
            image: (level, code)
            for image, level, code in session.execute(
                select(CertificateCell.image_id, CertificateCell.level, CertificateCell.code).where(
                    CertificateCell.certificate_id == number, CertificateCell.image_id.in_(drawn)
                )
            )
        }
        chosen = [image for image in drawn if image in free][:size]
        if not chosen:
            row.state, row.ended_at = CertificateState.FAILED, now()
            row.reason = "No open cell is left that it may fill."
            return
        rows = [
            {"certificate_id": number, "image_id": image, "level": free[image][0], "code": free[image][1]}
            for image in chosen
        ]
        session.execute(insert(CertificateSample), rows)
        row.plan = row.plan | {"draw": row.plan["draw"] | {"population": population.tolist()}}
        row.seed, row.drawn_at, row.state = seed, now(), CertificateState.SAMPLING
        _ask_sample(session, row, chosen)


def _cells(session: Session, number: int) -> tuple[NDArray[np.int64], ...]:
    """The images, levels and codes of the candidates that count, by image."""
    query = (
        select(CertificateCell.image_id, CertificateCell.level, CertificateCell.code)
        .where(CertificateCell.certificate_id == number, of_counted_image(CertificateCell.image_id))
        .order_by(CertificateCell.image_id)
    )
    cells = session.connection().execute(query).cursor.fetchall()  # type: ignore[union-attr]
    return tuple(np.asarray(cells, np.int64).reshape(-1, 3).T)


def _drop_held(session: Session, number: int) -> None:
    """Forget candidates of images that somebody holds, perhaps with a suggestion in sight, and of excluded images."""
    held = select(Lease.image_id).where(Lease.expires_at > now())
    excluded = select(Image.id).where(~COUNTED)
    session.execute(
        delete(CertificateCell).where(
            CertificateCell.certificate_id == number,
            or_(CertificateCell.image_id.in_(held), CertificateCell.image_id.in_(excluded)),
        ),
        execution_options={"synchronize_session": False},
    )


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


def count_cells(session: Session, number: int) -> int:
    """Count the cells of a certificate."""
    return session.scalar(select(func.count()).where(CertificateCell.certificate_id == number)) or 0
