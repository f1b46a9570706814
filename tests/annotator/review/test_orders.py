"""The orders, counts and model filters of browse: each shows every image of a view once, in its order."""

from itertools import pairwise

import numpy as np
import pytest
from sqlalchemy import update

from annotator.errors import FacelabelError
from annotator.models import Face, Image
from annotator.project import ProjectFolder
from annotator.services.review import listing
from annotator.services.review.counting import count_images, select_all
from annotator.services.review.filters import Filters
from annotator.services.review.listing import prepare_search, ranked_page
from annotator.services.review.ordering import Order, rank_images
from annotator.services.rounds.loading import load_predictions
from tests.support.embeddings import embed
from tests.support.face_descriptors import describe
from tests.support.predictions_folder import SURE, UNCERTAIN, write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.reviewing import names_in_view, save_correction


def ordered(
    project: ProjectFolder, order: Order, limit: int = 7, *, like: list[int] | None = None, **filters
) -> list[str]:
    """The names of a view in an order, read page by page."""
    names: list[str] = []
    start = 0
    with project.database.read() as session:
        ranked = rank_images(project, session, order, attribute=filters.get("attribute"), like=like or ())
        while True:
            page = ranked_page(
                prepare_search(project, session, Filters(**filters)), ranked, start=start, limit=limit
            )
            assert len(page.images) <= limit
            names += [image.name for image in page.images]
            if page.next is None:
                return names
            assert int(page.next) > start
            start = int(page.next)


def predict(project: ProjectFolder, glasses: dict[str, list[float]]) -> None:
    load_predictions(project, write_predictions(project, project.rounds / "1" / "predictions", glasses))


def test_the_newest_images_and_the_most_uncertain_come_first(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listing, "_FIRST_WINDOW", 3)
    monkeypatch.setattr(listing, "_WINDOW", 9)
    names = names_of(filled)
    ids = {name: image_of(filled, name) for name in names}
    assert ordered(filled, "date") == sorted(names, key=ids.__getitem__, reverse=True)
    assert ordered(filled, "uncertainty") == sorted(names, key=ids.__getitem__)
    known = names[3:20]
    predict(filled, {name: UNCERTAIN if name in names[8:11] else SURE for name in known})
    seen = ordered(filled, "uncertainty", attribute="glasses")
    assert seen[:17] == names[8:11] + names[3:8] + names[11:20]
    assert sorted(seen) == names
    train = names_of(filled, split="train")
    assert [name for name in seen if name in train] == ordered(filled, "uncertainty", split="train")


def test_images_like_the_chosen_ones_come_first_also_turned_ones_and_those_without_a_face(
    filled: ProjectFolder,
):
    names = names_of(filled)
    describe(filled, dict.fromkeys(names[:10], 0))
    with filled.database.write() as session:
        session.execute(update(Face).where(Face.image_id == image_of(filled, names[4])).values(turn=90))
    chance = np.random.default_rng(3)
    middles = chance.normal(size=(3, 12))
    kinds = {name: place % 3 for place, name in enumerate(names[:30])}
    with pytest.raises(FacelabelError, match="No round"):
        ordered(filled, "likeness", like=[1])
    embed(filled, {name: middles[kind] + 0.1 * chance.normal(size=12) for name, kind in kinds.items()})
    for place in (4, 13, 29):
        seen = ordered(filled, "likeness", like=[image_of(filled, names[place])])
        assert seen[0] == names[place]
        assert {kinds[name] for name in seen[:10]} == {kinds[names[place]]}
        assert sorted(seen) == names
        assert sorted(seen[30:]) == names[30:]
    both = ordered(filled, "likeness", like=[image_of(filled, names[0]), image_of(filled, names[1])])
    assert {kinds[name] for name in both[:20]} == {0, 1}
    with pytest.raises(FacelabelError, match="did not know"):
        ordered(filled, "likeness", like=[image_of(filled, names[35])])
    with (
        filled.database.write() as session
    ):  # an image of another size gets another key; nothing else is lost
        session.execute(update(Image).where(Image.name == names[4]).values(width=999))
    assert names[4] in ordered(filled, "likeness", like=[image_of(filled, names[13])])


def test_the_cells_of_a_confusion_matrix_and_the_bins_of_a_probability_are_views(filled: ProjectFolder):
    me = Person(filled)
    names = names_of(filled)
    train, test = names_of(filled, split="train"), names_of(filled, split="test")
    predict(filled, dict.fromkeys(names, SURE) | {train[0]: UNCERTAIN, train[1]: [0.1, 0.8, 0.1]})
    for name in train[:4]:
        save_correction(filled, me, image_of(filled, name), ALL | {"glasses": 1}, name)
    assert names_in_view(filled, attribute="glasses", value="1", contradicted=0.9) == sorted(train[2:4])
    wrong = {"attribute": "glasses", "value": "1", "predicted": 0}
    assert names_in_view(filled, **wrong) == sorted([train[0], *train[2:4]])
    assert sorted(ordered(filled, "uncertainty", **wrong)) == sorted([train[0], *train[2:4]])
    assert names_in_view(filled, attribute="glasses", predicted=1) == [train[1]]
    assert names_in_view(filled, attribute="glasses", sure_from=0.7, sure_below=0.9) == [train[1]]
    assert names_in_view(filled, attribute="glasses", value="labelled", sure_below=0.7) == [train[0]]
    # The suggestion of an audit image that is labelled blind is not found out by a filter.
    assert not set(names_in_view(filled, attribute="glasses", predicted=0)) & set(test)
    save_correction(filled, me, image_of(filled, test[0]), ALL, "done")
    assert names_in_view(filled, attribute="glasses", predicted=0, balanced=True, split="test") == [test[0]]
    with pytest.raises(FacelabelError, match="needs an attribute"):
        names_in_view(filled, predicted=0)


def test_several_values_hold_together_and_are_counted(filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listing, "_WINDOW", 5)
    me = Person(filled)
    names = names_of(filled)
    for place, name in enumerate(names[:12]):
        save_correction(
            filled, me, image_of(filled, name), {"glasses": place % 2, "freckles": int(place < 6)}, name
        )
    save_correction(filled, me, image_of(filled, names[12]), {"glasses": None}, "unsure")
    also = (("glasses", "1"), ("freckles", "1"))
    assert names_in_view(filled, also=also) == [names[1], names[3], names[5]]
    assert names_in_view(filled, also=(("glasses", "labelled"), ("freckles", "none"))) == []
    with filled.database.read() as session:
        counts = count_images(filled, session, Filters(also=also), "glasses")
        assert (counts.images, counts.complete) == (3, True)
        assert dict(counts.values) == {"0": 3, "1": 3, "none": 0}
        everything = count_images(filled, session, Filters(), "glasses")
        assert dict(everything.values) == {"0": 6, "1": 6, "unsure": 1, "none": 27}
        ids, complete = select_all(filled, session, Filters(also=also), None, 2)
        assert ([image_of(filled, n) for n in (names[1], names[3])], False) == (ids, complete)
        ranked = rank_images(filled, session, "date")
        ids, complete = select_all(filled, session, Filters(also=also), ranked, 3)
        assert complete
        assert all(a > b for a, b in pairwise(ids))
    with pytest.raises(FacelabelError, match="no attribute"):
        names_in_view(filled, also=(("nothing", "1"),))
