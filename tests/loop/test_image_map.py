"""The worker makes the map of the images: when somebody asks, and automatically once the images have features."""

import numpy as np
from sqlalchemy import select

from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.common.image_maps import ask_for_map, list_maps, map_points
from annotator.services.insights.image_map import MapComputation
from annotator.services.review.map_state import read_map_state
from tests.support.projects.excluding import exclude_images
from tests.support.projects.images import image_of, names_of
from trainer.networks import build
from trainer.probe.sources import BACKBONE, VIEWS, open_source


def add_features(project: ProjectFolder) -> None:
    """Random features for all images, which have no faces."""
    with project.database.read() as session:
        hashes = list(session.scalars(select(Image.sha256).order_by(Image.id)))
    source = open_source(project.cache, build(BACKBONE, pretrained=True), VIEWS[0])
    features = np.random.default_rng(0).normal(size=(len(hashes), source.store.size)).astype(np.float16)
    source.store.append(source.keys(hashes, np.full((len(hashes), 5, 2), np.nan, np.float32)), features)


def state(project: ProjectFolder) -> tuple[str, str, int]:
    with project.database.read() as session:
        found = read_map_state(project, session)
    return found.state, found.message, found.images


def run(computation: MapComputation) -> None:
    """Let the process that was started end, and look at what it left."""
    assert computation.process is not None
    computation.process.wait()
    computation.start_if_due()


def test_a_map_is_made_automatically_once_there_are_features_and_again_after_an_interruption(
    filled: ProjectFolder,
):
    computation = MapComputation(filled)
    computation.start_if_due()
    assert computation.process is None, "nothing has features yet"
    add_features(filled)
    exclude_images(filled, image_of(filled, names_of(filled)[3]))
    computation.start_if_due()
    computation.interrupt()
    assert state(filled) == ("computing", "The map is being made.", 0)
    computation.start_if_due()
    run(computation)
    assert computation.process is None, "there are no more images than on the map"
    assert state(filled) == ("ready", "", 39)
    [made] = list_maps(filled)
    with filled.database.read() as session:
        points = map_points(session, made)
    assert image_of(filled, names_of(filled)[3]) not in points.ids
    assert points.places.min() >= 0
    assert points.places.max() <= 1


def test_a_map_that_cannot_be_made_says_why(filled: ProjectFolder):
    ask_for_map(filled)
    assert state(filled)[0] == "waiting"
    computation = MapComputation(filled)
    computation.start_if_due()
    assert computation.process is None
    kind, message, _ = state(filled)
    assert kind == "failed"
    assert message.startswith("No image has features yet.")
    ask_for_map(filled)
    assert state(filled)[0] == "waiting"
