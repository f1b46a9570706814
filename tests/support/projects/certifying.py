"""A project in which a model knows the glasses of nearly all images, so that most of them can be filled."""

from pathlib import Path

from sqlalchemy import select, update

from annotator.models import CertificateSample, Image
from annotator.project import ProjectFolder
from annotator.services.certificates.batches import continue_certificates
from annotator.services.certificates.plan import plans_statistics
from annotator.services.common.cached_stats import StatisticsCounter
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import draw_plain_images, import_images, names_of
from tests.support.projects.labelling import ALL, Person, lapse_leases

IMAGES, AUDIT = 400, 60
TRUTH = ALL | {"glasses": 0}
"""What all images show."""


def predicted_project(folder: Path, *, wrong: int = 0) -> ProjectFolder:
    """A project of `IMAGES` images without glasses, of which `AUDIT` are labelled audit images; the model is 98 % sure of all.

    Args:
        folder: an empty folder.
        wrong: the number of other images that the model takes for sunglasses.
    """
    draw_plain_images(folder / "photos", IMAGES)
    project = init_project(folder / "project")
    import_images(project, [folder / "photos"])
    names = names_of(project)
    with project.database.write() as session:
        session.execute(update(Image).values(split="train"))
        session.execute(update(Image).where(Image.name.in_(names[:AUDIT])).values(split="test"))
    me = Person(project)
    audit = set(names[:AUDIT])
    for task in me.next(IMAGES):
        if task.image_name in audit:
            me.answer(task, TRUTH, milliseconds=2000)
    lapse_leases(project)  # a held image is not sampled: a suggestion may be in sight
    guesses = {name: [0.98, 0.01, 0.01] for name in names}
    guesses |= {name: [0.01, 0.01, 0.98] for name in names[AUDIT : AUDIT + wrong]}
    load_predictions(project, write_predictions(project, project.rounds / "1" / "predictions", guesses))
    return project


def work_on_certificates(project: ProjectFolder) -> None:
    """Do what the worker does for certificates, until nothing is left to do."""
    while continue_certificates(project):
        pass


def compute_plans(project: ProjectFolder) -> None:
    """Do what the worker does for the plans."""
    StatisticsCounter(project, (plans_statistics(project),)).run_step()


def sampled_images(project: ProjectFolder) -> set[int]:
    """The images of all acceptance samples."""
    with project.database.read() as session:
        return set(session.scalars(select(CertificateSample.image_id)))


def answer_sample(project: ProjectFolder, name: str = "local", **values: int | None) -> None:
    """Answer images as the queue gives them until the samples are answered, by the truth unless told."""
    lapse_leases(project)  # of a page that was open
    me, waiting = Person(project, name), sampled_images(project)
    while waiting:
        tasks = me.next(20)
        assert tasks
        for task in tasks:
            me.answer(task, TRUTH | values, milliseconds=2000)
            waiting.discard(task.image_id)
