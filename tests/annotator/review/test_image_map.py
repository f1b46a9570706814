"""The map of the images: polygons as filters of Browse and Sweep, and what the images are coloured by."""

import numpy as np
import pytest

from annotator.domain.polygon import GRID, Lasso, parse_lasso
from annotator.errors import FacelabelError, Forbidden, NotFound, WrongUse
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweepSelection, count_predicted, find_page
from annotator.services.common.image_maps import KEPT, find_map, list_maps, map_points
from annotator.services.review import listing
from annotator.services.review.counting import count_images, select_all
from annotator.services.review.filters import Filters
from annotator.services.review.map_colours import HIDDEN, NOTHING, UNSURE, map_colours
from annotator.services.rounds.loading import load_predictions
from tests.support.predictions_folder import SURE, UNCERTAIN, write_predictions
from tests.support.projects.excluding import exclude_images
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.maps import LEFT, halved_map, make_map
from tests.support.projects.reviewing import names_in_view, save_correction
from tests.support.projects.round_results import add_finished_round


def colours(
    project: ProjectFolder, by: str, attribute: str | None = "glasses", own_of: int | None = None
) -> dict[str, int]:
    """By name, the byte of each image on the newest map."""
    with project.database.read() as session:
        image_map = find_map(project)
        found = map_colours(project, session, image_map, by, attribute, own_of)
        ids = map_points(session, image_map).ids.tolist()
    bytes_of = dict(zip(ids, found.tolist(), strict=True))
    return {name: bytes_of[image_of(project, name)] for name in names_of(project)}


def test_a_polygon_holds_what_is_inside_however_it_is_bent():
    bent = parse_lasso("7_0.0-10000.0-10000.10000-5000.5000-0.10000")
    assert bent.map == 7
    places = np.array([[0.5, 0.2], [0.5, 0.9], [0.1, 0.5], [0.9, 0.5], [1.5, 0.5]], np.float32)
    assert bent.contains(places).tolist() == [True, False, True, True, False]
    chance = np.random.default_rng(0)
    square = Lasso(1, ((2000, 2000), (8000, 2000), (8000, 8000), (2000, 8000)))
    many = chance.random((5000, 2)).astype(np.float32)
    expected = ((many > 0.2) & (many < 0.8)).all(axis=1)
    assert (square.contains(many) == expected).all()


@pytest.mark.parametrize(
    "text",
    ["", "1_", "1_0.0-1.1", "x_0.0-1.1-2.2", "1_0.0-1.1-2", "1_0.0-1.1-2.2-", "1_0.0-1.1-²2.2", f"1_{'-'.join(['1.1'] * 201)}"],
)  # fmt: skip
def test_other_texts_are_no_polygon(text: str):
    with pytest.raises(WrongUse, match="cannot be read"):
        parse_lasso(text)
    assert parse_lasso(f"1_{'-'.join([f'{GRID}.{GRID}'] * 200)}").map == 1


def test_a_polygon_is_a_filter_of_browse_beside_others(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    left, right = halved_map(filled)
    save_correction(filled, Person(filled), image_of(filled, left[3]), {"glasses": 1}, "one")
    save_correction(filled, Person(filled), image_of(filled, right[3]), {"glasses": 1}, "two")
    assert names_in_view(filled, inside=LEFT) == left
    assert names_in_view(filled, inside=LEFT, attribute="glasses", value="1") == [left[3]]
    exclude_images(filled, image_of(filled, left[5]))
    remaining = [name for name in left if name != left[5]]
    assert names_in_view(filled, inside=LEFT) == remaining, "an excluded image leaves the map at once"
    with filled.database.read() as session:
        assert count_images(filled, session, Filters(inside=LEFT)).images == len(remaining)
        ids, complete = select_all(filled, session, Filters(inside=LEFT), None, 100)
        assert (ids, complete) == ([image_of(filled, name) for name in remaining], True)
    monkeypatch.setattr(listing, "FEW", 0)
    monkeypatch.setattr(listing, "_WINDOW", 5)
    assert names_in_view(filled, inside=LEFT) == remaining, "the same when it is searched window by window"


def test_a_map_that_is_not_kept_any_more_is_said(filled: ProjectFolder):
    left, _ = halved_map(filled)
    with pytest.raises(NotFound, match="no longer kept"):
        names_in_view(filled, inside=LEFT.replace("1_", "2_", 1))
    for _ in range(KEPT):
        make_map(filled, {left[0]: (0.5, 0.5)})
    assert [one.number for one in list_maps(filled)] == [4, 3, 2]
    with pytest.raises(NotFound, match="The map 1 is no longer kept"):
        names_in_view(filled, inside=LEFT)


def test_the_colours_are_labels_answers_and_uncertainty_and_hide_what_is_blind_or_excluded(
    filled: ProjectFolder,
):
    halved_map(filled)
    me, train, test = Person(filled), names_of(filled, split="train"), names_of(filled, split="test")
    guessed = dict.fromkeys([*train[:-1], *test], SURE) | {train[1]: UNCERTAIN}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", guessed))
    save_correction(filled, me, image_of(filled, train[2]), {"glasses": 2}, "labelled")
    save_correction(filled, me, image_of(filled, train[3]), {"glasses": None}, "unsure")
    for by in ("prediction", "uncertainty"):
        assert colours(filled, by)[test[0]] == NOTHING, "it is labelled blind"
    save_correction(filled, me, image_of(filled, test[0]), ALL, "done")
    exclude_images(filled, image_of(filled, train[4]))
    by_label, by_answer = colours(filled, "label"), colours(filled, "prediction")
    uncertain = colours(filled, "uncertainty")
    assert [by_label[name] for name in train[1:6]] == [NOTHING, 2, UNSURE, HIDDEN, NOTHING]
    answered = [by_answer[name] for name in (train[0], train[4], train[-1], test[0])]
    assert answered == [0, HIDDEN, NOTHING, 0]
    assert [uncertain[name] for name in (train[0], train[1], train[-1])] == [4, 120, NOTHING]
    assert colours(filled, "uncertainty", None)[train[1]] == 120
    with pytest.raises(FacelabelError, match="too many values"):
        colours(filled, "label", "identity")
    with pytest.raises(WrongUse, match="need an attribute"):
        colours(filled, "prediction", None)


def test_a_sweep_takes_only_images_inside_a_polygon(filled: ProjectFolder):
    left, _ = halved_map(filled)
    swept = sorted(set(names_of(filled)) - set(names_of(filled, split="test")))
    wanted = {image_of(filled, name) for name in left if name in swept}
    me = Person(filled)

    def found(**more: object) -> set[int]:
        with filled.database.read() as session:
            return set(find_page(filled, session, me.id, SweepSelection("glasses", inside=LEFT, **more), 60))

    assert found() == wanted, "in the order of the queue"
    load_predictions(
        filled, write_predictions(filled, filled.rounds / "1" / "predictions", dict.fromkeys(swept, SURE))
    )
    for order in ("doubtful", "probable"):
        assert found(value=0, order=order) == wanted
    assert found(value=1) == set()
    with filled.database.read() as session:
        sizes = count_predicted(filled, session, SweepSelection("glasses", 0, inside=LEFT))
    assert sizes == {0: len(wanted), 1: 0, 2: 0}


def test_a_filter_by_answers_can_mean_the_model_of_an_earlier_round(filled: ProjectFolder):
    train = names_of(filled, split="train")
    number = add_finished_round(filled, None)
    older = dict.fromkeys(train, SURE) | {key: [0.1, 0.8, 0.1] for key in train[:3]}
    folder = filled.round_folder(number) / "run" / "predictions"
    load_predictions(filled, write_predictions(filled, folder, older), number)
    newer = dict.fromkeys(train, SURE)
    load_predictions(filled, write_predictions(filled, filled.rounds / "9" / "predictions", newer))
    assert names_in_view(filled, attribute="glasses", predicted=1) == []
    assert names_in_view(filled, attribute="glasses", predicted=1, round=number) == train[:3]
    with pytest.raises(NotFound, match="Round 77 has no predictions"):
        names_in_view(filled, attribute="glasses", predicted=1, round=77)


def test_a_labeller_sees_their_own_answers_on_the_map_and_none_of_the_model(filled: ProjectFolder):
    halved_map(filled)
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    [hers], [his] = ada.next(), bob.next()
    ada.answer(hers, ALL | {"glasses": 1})
    bob.answer(his, ALL | {"glasses": 2})
    seen, all_seen = colours(filled, "label", own_of=ada.id), colours(filled, "label")
    assert (seen[hers.image_name], seen[his.image_name]) == (1, NOTHING)
    assert (all_seen[hers.image_name], all_seen[his.image_name]) == (1, 2)
    for by in ("prediction", "uncertainty"):
        with pytest.raises(Forbidden, match="is for reviewers"):
            colours(filled, by, own_of=ada.id)
