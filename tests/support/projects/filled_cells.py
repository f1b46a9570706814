"""Filled certificates as rows of the database, without a model: what snapshots and exports are made from."""

import numpy as np
from sqlalchemy import select, update

from annotator.domain.certificates.decision import Sample
from annotator.domain.certificates.evidence import decide_again, evidence_json
from annotator.domain.certificates.target import Target
from annotator.domain.states import CertificateState
from annotator.models import (
    AttributeRow,
    Certificate,
    CertificateCell,
    Image,
    Label,
    Predictions,
    now,
)
from annotator.project import ProjectFolder
from annotator.services.common.progress import recount
from annotator.services.schema.active import active_schema

TARGET = Target(error=0.25, recall=None)
ASKED = 20
"""Cells of the acceptance sample, which were all right."""


def fill(
    project: ProjectFolder, attribute: str, code: int, probability: float = 0.987654321, leave: int = 0
) -> list[str]:
    """Fill the open cells of an attribute with one value, but for the last `leave` ones; returns the images' names."""
    with project.database.write() as session:
        active = active_schema(session)
        number = active.ids[attribute]
        labelled = select(Label.image_id).where(Label.attribute_id == number)
        open_ = session.execute(
            select(Image.id, Image.name).where(Image.id.not_in(labelled)).order_by(Image.name)
        ).all()
        chosen = open_[: len(open_) - leave]
        codes = [value.code for value in active.schema[attribute].values]
        place = codes.index(code)
        population = np.zeros((1, len(codes)), np.int64)
        population[0, place] = len(chosen) + ASKED
        right = np.full(ASKED, place)
        images = len(open_) + session.query(Label).where(Label.attribute_id == number).count()
        sample = Sample(np.ones(ASKED, np.int64), right, right)
        evidence = evidence_json(codes, population, sample, np.zeros(len(codes), np.int64), images)
        decision = decide_again(evidence, TARGET, 1)
        assert decision.level == 1
        predictions = Predictions(
            path=f"rounds/{attribute}", content_hash="f" * 64, schema_hash=active.hash, rows=images, unknown=0,
            cursor=0, loaded_at=now(),
        )  # fmt: skip
        session.add(predictions)
        session.flush()
        certificate = Certificate(
            key=attribute, attribute_id=number, state=CertificateState.FILLED, attempt=1,
            predictions_id=predictions.id, schema_hash=active.hash, target=TARGET.to_json(), plan={"sample": ASKED},
            outcome=decision.to_json() | {"evidence": evidence}, seed=7, covered_to=max(i for i, _ in open_),
            labeller_id=1, created_at=now(), drawn_at=now(), decided_at=now(),
        )  # fmt: skip
        session.add(certificate)
        session.flush()
        session.add_all(
            CertificateCell(
                certificate_id=certificate.id, image_id=image, level=1, code=code, probability=probability
            )
            for image, _ in chosen
        )
        is_required = session.scalars(select(AttributeRow.required).where(AttributeRow.id == number)).one()
        if is_required:
            ids = [image for image, _ in chosen]
            covered = update(Image).where(Image.id.in_(ids)).values(open_cells=Image.open_cells - 1)
            session.execute(covered, execution_options={"synchronize_session": False})
            recount(session)
        return [name for _, name in chosen]
