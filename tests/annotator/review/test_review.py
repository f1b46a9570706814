"""The review queue holds every image that needs a decision, and the decision removes it."""

import pytest
from sqlalchemy import select, update

from annotator.errors import Forbidden
from annotator.models import Labeller
from annotator.project import ProjectFolder
from annotator.services.review.flags import raise_flag
from annotator.services.review.queue import check_reviewer
from annotator.services.rounds.loading import load_predictions
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.reviewing import images_to_review, late_opinion, save_correction
from tests.support.serving import Server


def test_flags_opinions_and_a_confident_model_are_queued_until_decided(filled: ProjectFolder):
    load_predictions(
        filled,
        write_predictions(filled, filled.rounds / "1" / "predictions", dict.fromkeys(names_of(filled), SURE)),
    )
    me = Person(filled)
    opinions = late_opinion(filled, 0, 1)
    contradicted, flagged = (image_of(filled, name) for name in names_of(filled, split="train")[-2:])
    me_values = ALL | {"glasses": 2}
    save_correction(filled, me, contradicted, me_values, "c")
    with filled.database.write() as session:
        raise_flag(session, me.id, "f", flagged, "blurred")
    assert images_to_review(filled, "flags") == [flagged]
    assert images_to_review(filled, "opinions") == [opinions]
    assert images_to_review(filled, "model") == [contradicted]
    for image in (opinions, contradicted):
        save_correction(filled, me, image, {"glasses": 2}, f"decide {image}", adjudicate=True)
    assert (images_to_review(filled, "opinions"), images_to_review(filled, "model")) == ([], [])


@pytest.mark.parametrize(("role", "may"), [("labeller", False), ("reviewer", True), ("admin", True)])
def test_only_reviewers_decide_for_others(filled: ProjectFolder, role: str, may: bool):
    person = Person(filled, "somebody")
    with filled.database.write() as session:
        session.execute(update(Labeller).where(Labeller.id == person.id).values(role=role))
    with filled.database.read() as session:
        if may:
            check_reviewer(session, person.id)
        else:
            with pytest.raises(Forbidden, match="not a reviewer"):
                check_reviewer(session, person.id)
        check_reviewer(session, session.scalars(select(Labeller.id).where(Labeller.name == "local")).one())
    if not may:
        with pytest.raises(Forbidden):
            save_correction(filled, person, 1, {"glasses": 1}, "c", adjudicate=True)
        with pytest.raises(Forbidden, match="have not answered"):
            save_correction(filled, person, 1, {"glasses": 1}, "c")


def test_the_queue_over_the_api(server: Server):
    client = server.client()
    client.post("/flags", {"image_id": 5, "note": "look"}, "f")
    assert [image["id"] for image in client.get("/review?kind=flags")["images"]] == [5]
    assert client.get("/review?kind=model") == {"images": [], "next": None}
    assert client.session.get(f"{server.url}/api/v1/review?kind=all", timeout=60).status_code == 400
