"""The labels saved by the query strategy: its draws reach the trainer, and the estimate becomes a sentence."""

from pathlib import Path

from annotator.models import Predictions
from annotator.project import ProjectFolder
from annotator.services.insights.label_savings import read_labels_saved, write_selection
from annotator.services.rounds.loading import load_predictions
from tests.support.predictions_folder import UNCERTAIN, write_cells
from tests.support.projects.images import names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.round_results import write_estimate


def test_the_draw_of_an_image_is_the_one_by_which_it_was_first_answered(
    filled: ProjectFolder, tmp_path: Path
):
    me, other = Person(filled), Person(filled, "other")
    [first] = me.next()
    me.answer(first, ALL)
    known = [name for name in names_of(filled, split="train") if name != first.image_name][:3]
    cells = {name: {"glasses": UNCERTAIN} for name in [*known, first.image_name]}
    load_predictions(filled, write_cells(filled, filled.rounds / "1", cells, drawn={known[1]: 1 / 7}))
    me.undo()
    skipped, drawn, chosen, again = me.next(4)
    me.answer(skipped, {}, skip=True)
    me.answer(drawn, ALL)
    me.answer(chosen, ALL)
    other.answer(again, ALL)
    with filled.database.read() as session:
        write_selection(session, tmp_path / "selection.csv")
        assert session.query(Predictions).count() == 1
    lines = {f"{first.image_name},0.025", f"{drawn.image_name},0.142857", f"{chosen.image_name},0"}
    assert (drawn.image_name, chosen.image_name) == (known[1], known[2])
    text = (tmp_path / "selection.csv").read_text()
    assert text == "image_name,drawn\n" + "".join(f"{line}\n" for line in sorted(lines))


def test_an_estimate_becomes_a_sentence_with_its_interval(filled: ProjectFolder):
    assert read_labels_saved(filled) is None
    assert write_estimate(filled) == (
        "One label chosen by the query strategy was worth 1.4 random ones (95 %: 1.1 to 1.8), measured on 1,214 audit images with "
        "264 random and 2,310 chosen labels. At least 254 labels were saved."
    )
    assert "(95 %: at least 1.1)" in write_estimate(filled, high=None)
    level = write_estimate(filled, low=0.9, saved=None)
    assert level.endswith("The query strategy is not shown to save labels.")
    worse = write_estimate(filled, worth=0.5, low=0.3, high=0.8, saved=-462)
    assert worse.endswith("Random images would have needed at least 462 labels fewer for the same accuracy.")
    nothing = dict.fromkeys(("worth", "low", "high", "saved"))
    missing = write_estimate(filled, 2, **nothing, missing="40 random labels, about 160 are needed")
    assert missing == (
        "It is not yet known what a label chosen by the query strategy is worth: 40 random labels, about 160 are needed."
    )


def test_an_estimate_that_cannot_be_read_is_none(filled: ProjectFolder):
    write_estimate(filled)
    (filled.rounds / "0001" / "run" / "labels_saved.json").write_text("{")
    assert read_labels_saved(filled) is None
