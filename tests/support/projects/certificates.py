"""A project whose images a model answers, so that a certificate can fill the cells of `glasses`."""

import hashlib
from pathlib import Path

import numpy as np
from sqlalchemy import insert, select

from annotator.domain.certificates.target import Target
from annotator.domain.states import CertificateState
from annotator.models import Certificate, CertificateCell, CertificateSample, Image, Label, Project, now
from annotator.project import ProjectFolder
from annotator.services.certificates.batches import continue_certificates
from annotator.services.certificates.create import create_certificate
from annotator.services.certificates.plan import plans_statistics
from annotator.services.certificates.status import CertificateStatus, read_certificate
from annotator.services.common.cached_stats import StatisticsCounter
from annotator.services.common.open_cells import recount_open_cells
from annotator.services.common.progress import recount
from annotator.services.grouping.membership import split_rule
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from annotator.services.schema.active import active_schema
from tests.support.predictions_folder import write_predictions
from tests.support.projects.labelling import Person, lapse_leases

TARGET = Target(error=0.2, recall=None)
LABELLED = 32
"""Images, the first ones of the test split, that people answered before there were predictions."""


def truth_of(number: int) -> int:
    """Whether a person of image `number` wears glasses (1), sunglasses (2) or none (0)."""
    return 0 if number % 3 else 1 + number // 3 % 2


def answer_of(number: int) -> dict[str, int]:
    """What a labeller answers about an image who sees what is there."""
    return {
        "wrinkles": 0,
        "freckles": 0,
        "glasses": truth_of(number),
        "hair_color": 0,
        "hair_top": 2,
        "not_human": 0,
    }


def certifiable(path: Path, images: int = 420) -> ProjectFolder:
    """A project without image files: `images` images, some of them answered, and predictions of glasses that are right."""
    project = init_project(path)
    with project.database.write() as session:
        rule, cells = split_rule(session), len(active_schema(session).required)
        rows = []
        for number in range(1, images + 1):
            sha256 = hashlib.sha256(str(number).encode()).hexdigest()
            group = f"image:{sha256[:16]}"
            rows.append({
                "id": number, "name": f"{number:06d}.jpg", "sha256": sha256, "extension": "jpg", "width": 64, "height": 64,
                "source": "made", "original_path": "", "group": group, "split": rule.split_of(group),
                "shuffle": int(sha256[:14], 16), "open_cells": cells, "created_at": now(),
            })  # fmt: skip
        session.execute(insert(Image), rows)
        recount(session)
        audit = list(session.scalars(select(Image.id).where(Image.split == "test").limit(LABELLED)))
    me = Person(project)
    tasks = {task.image_id: task for task in me.next(images)}
    for number in audit:
        me.answer(tasks[number], answer_of(number))
    lapse_leases(project)
    load_answers(project)
    return project


def load_answers(project: ProjectFolder, folder: str = "1") -> None:
    """Load predictions of glasses; the model is sure and right."""
    rng = np.random.default_rng(7)
    with project.database.read() as session:
        images = session.execute(select(Image.id, Image.name)).all()
    answers = {}
    for number, name in images:
        sure = float(rng.uniform(0.9, 0.999))
        p = [(1 - sure) / 2] * 3
        p[truth_of(number)] = sure
        answers[name] = p
    load_predictions(project, write_predictions(project, project.rounds / folder, answers))


def begin(project: ProjectFolder, target: Target = TARGET, key: str = "certificate") -> int:
    """Create a certificate for glasses and do what the worker does until people are asked. Returns its number."""
    me = Person(project)
    with project.database.write() as session:
        number = create_certificate(project, session, "glasses", target, me.id, key).id
    work(project)
    return number


def work(project: ProjectFolder) -> None:
    """Do everything that the worker would do now."""
    while continue_certificates(project):
        pass


def compute_plans(project: ProjectFolder) -> None:
    """Compute the plans that pages show, as the worker would do now."""
    StatisticsCounter(project, (plans_statistics(project),)).run_step()


def sample_of(project: ProjectFolder, number: int) -> list[int]:
    """The images of a certificate's sample."""
    with project.database.read() as session:
        query = select(CertificateSample.image_id).where(CertificateSample.certificate_id == number)
        return list(session.scalars(query.order_by(CertificateSample.image_id)))


def cells_of(project: ProjectFolder, number: int) -> list[int]:
    """The images of a certificate's cells."""
    with project.database.read() as session:
        query = select(CertificateCell.image_id).where(CertificateCell.certificate_id == number)
        return list(session.scalars(query.order_by(CertificateCell.image_id)))


def status_of(project: ProjectFolder, number: int) -> CertificateStatus:
    """The certificate."""
    with project.database.read() as session:
        return read_certificate(session, number)


def state_of(project: ProjectFolder, number: int) -> CertificateState:
    """Its state."""
    return status_of(project, number).state


def answer_sample(project: ProjectFolder, number: int, wrong: int = 0, *, until_filled: bool = True) -> None:
    """Answer images from the queue until the sample is answered; the first `wrong` of the sample against the model.

    `until_filled`: then do what the worker does.
    """
    me, sample = Person(project), set(sample_of(project, number))
    while True:
        status = status_of(project, number)
        if status.state != CertificateState.SAMPLING or (
            not until_filled and status.answered == status.sample
        ):
            return
        tasks = me.next(40)
        if not tasks:  # an open page holds the rest
            lapse_leases(project)
        for task in tasks:
            asked = {cell.attribute for cell in task.cells}
            values = {name: code for name, code in answer_of(task.image_id).items() if name in asked}
            if task.image_id in sample and wrong > 0:
                values["glasses"], wrong = (values["glasses"] + 1) % 3, wrong - 1
            me.answer(task, values)
        if until_filled:
            work(project)


def fill(project: ProjectFolder, target: Target = TARGET, key: str = "certificate") -> int:
    """Create a certificate, answer its sample and fill the cells. Returns its number."""
    number = begin(project, target, key)
    answer_sample(project, number)
    assert state_of(project, number) == CertificateState.FILLED
    return number


def assert_open_cells_are_right(project: ProjectFolder) -> None:
    """Compare the counts with what follows from the labels and the covered cells, counted here and by the product."""
    with project.database.read() as session:
        active, columns = active_schema(session), (Image.id, Image.open_cells, Image.exclusion_id)
        covered: dict[int, set[int]] = {}
        labels: dict[int, dict[int, int | None]] = {}
        for image, attribute in session.execute(
            select(CertificateCell.image_id, Certificate.attribute_id)
            .join(Certificate, Certificate.id == CertificateCell.certificate_id)
            .where(CertificateCell.image_id <= Certificate.covered_to)
        ):
            covered.setdefault(image, set()).add(attribute)
        for image, attribute, code in session.execute(select(Label.image_id, Label.attribute_id, Label.code)):
            labels.setdefault(image, {})[attribute] = code
            assert attribute not in covered.get(image, ())
        images, done = session.execute(select(*columns)).all(), session.scalar(select(Project.done_count))
    expected = [
        (n, active.open_cells(labels.get(n, {}), frozenset(covered.get(n, ()))), exclusion)
        for n, _, exclusion in images
    ]
    assert [tuple(row) for row in images] == expected
    assert done == sum(cells == 0 and exclusion is None for _, cells, exclusion in expected)
    with project.database.write() as session:
        recount_open_cells(session)
        assert session.execute(select(*columns)).all() == images
        assert session.scalar(select(Project.done_count)) == done
