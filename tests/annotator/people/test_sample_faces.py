"""The sample faces that the project draws."""

import csv
import hashlib
from collections import Counter
from importlib import resources

import numpy as np
import pytest
from PIL import Image, ImageChops

from annotator.domain.schema import parse_schema
from annotator.sample_faces import NOT_HUMAN, PEOPLE, Answers, draw_face, draw_faces
from annotator.sample_faces.plan import plan

ADA = PEOPLE[0]
ASKED = Answers._fields


def default_schema():
    return parse_schema(resources.files("annotator").joinpath("attributes.toml").read_text(encoding="utf-8"))


def codes_of_default_schema():
    return {
        a.name: {v.code for v in a.values} for a in default_schema().attributes if a.kind == "categorical"
    }


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def changed_part(before, after, box):
    """Return the share of a box's pixels that differ clearly."""
    difference = np.asarray(ImageChops.difference(before.crop(box), after.crop(box))).max(axis=2)
    return (difference > 30).mean()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    draw_faces(folder, 200, size=64)
    return folder


def test_the_same_arguments_give_the_same_bytes_and_another_seed_gives_others(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        draw_faces(tmp_path / name, 12, seed=seed, size=96)
    a, b, c = (hashes(tmp_path / name) for name in "abc")
    assert a == b
    assert len(a) == 13
    assert not set(a.values()) & set(c.values())


def test_every_image_has_its_row_and_can_be_decoded_in_the_asked_size(drawn):
    rows = read(drawn / "answers.csv")
    assert tuple(rows[0]) == ("image_name", *ASKED, "identity")
    assert [row["image_name"] for row in rows] == [f"{k:04d}.jpg" for k in range(1, 201)]
    assert {path.name for path in drawn.iterdir()} == {row["image_name"] for row in rows} | {"answers.csv"}
    for row in rows[::20]:
        with Image.open(drawn / row["image_name"]) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 64))


def test_the_answers_are_codes_of_the_default_schema_and_every_value_occurs_twice(drawn):
    rows = read(drawn / "answers.csv")
    known = codes_of_default_schema()
    assert set(known) == set(ASKED)
    for attribute, codes in known.items():
        counts = Counter(int(row[attribute]) for row in rows)
        assert set(counts) == codes, attribute
        assert min(counts.values()) >= 2, attribute


@pytest.mark.parametrize("count", [150, 400])
@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_seed_every_value_occurs_twice_and_rare_ones_stay_rare(seed, count):
    answers = [subject.answers for subject in plan(count, seed)]
    share = {name: Counter(getattr(a, name) for a in answers) for name in ASKED}
    for attribute, codes in codes_of_default_schema().items():
        assert all(share[attribute][code] >= 2 for code in codes), attribute
    assert 0.02 * count < share["glasses"][2] < 0.07 * count
    assert 0.02 * count < share["hair_color"][4] < 0.07 * count
    assert 0.04 * count < share["freckles"][1] < 0.12 * count
    assert share["not_human"][1] == round(0.04 * count)


def test_answers_do_not_contradict_each_other(drawn):
    for row in read(drawn / "answers.csv"):
        if row["not_human"] == "1":
            assert row["identity"] == ""
            assert all(row[name] == "0" for name in ASKED if name != "not_human")
        else:
            assert row["identity"]
            assert row["hair_color"] == "8" or row["hair_top"] != "0"
            assert row["hair_color"] != "8" or row["hair_top"] in {"0", "3"}


def test_forty_people_share_the_images_evenly_and_keep_what_is_theirs(drawn):
    rows = [row for row in read(drawn / "answers.csv") if row["identity"]]
    per_person = Counter(row["identity"] for row in rows)
    assert len(per_person) == 40
    assert max(per_person.values()) - min(per_person.values()) <= 1
    for attribute in ("wrinkles", "freckles"):
        assert len({(row["identity"], row[attribute]) for row in rows}) == 40


@pytest.mark.parametrize("seed", range(5))
def test_glasses_and_sunglasses_change_the_pixels_around_the_eyes(seed):
    without, clear, dark = (draw_face(Answers(glasses=code, hair_top=2), ADA, seed) for code in (0, 1, 2))
    eyes, chin = (70, 90, 186, 170), (0, 225, 256, 256)
    assert changed_part(without, clear, eyes) > 0.03
    assert changed_part(without, dark, eyes) > 0.10
    assert changed_part(clear, dark, eyes) > 0.10
    assert changed_part(without, clear, chin) < 0.005


@pytest.mark.parametrize("person", [PEOPLE[k] for k in (1, 4, 7, 31)], ids=lambda person: person.name)
@pytest.mark.parametrize(
    ("attribute", "codes"),
    [("wrinkles", (0, 1)), ("freckles", (0, 1)), ("hair_color", tuple(range(8))), ("hair_top", (1, 2, 3))],
)
def test_every_answer_looks_different_on_the_same_person(person, attribute, codes):
    plain = Answers(hair_top=2)
    images = [draw_face(plain._replace(**{attribute: code}), person, 5, size=128) for code in codes]
    for k, image in enumerate(images):
        for other in images[k + 1 :]:
            assert changed_part(image, other, (0, 0, 128, 128)) > 0.001


def test_a_picture_without_a_face_needs_no_person_but_a_face_does():
    assert draw_face(NOT_HUMAN, None, 1, size=48).size == (48, 48)
    with pytest.raises(ValueError, match="needs a person"):
        draw_face(Answers(hair_top=2), None, 1)


@pytest.mark.parametrize(("hair_top", "hair_color"), [(0, 1), (1, 8), (2, 8)])
def test_answers_that_contradict_each_other_are_not_drawn(hair_top, hair_color):
    with pytest.raises(ValueError, match="contradict"):
        draw_face(Answers(hair_top=hair_top, hair_color=hair_color), ADA, 1)


def test_an_interrupted_run_leaves_no_answers_and_a_second_run_completes_it(tmp_path):
    whole = hashes(draw_faces(tmp_path / "whole", 6, size=48).parent)
    folder = tmp_path / "faces"
    draw_faces(folder, 3, seed=9, size=48)

    def stop_at_four(done, total):
        assert total == 6
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_faces(folder, 6, size=48, progress=stop_at_four)
    assert not (folder / "answers.csv").exists()
    draw_faces(folder, 6, size=48)
    assert hashes(folder) == whole


@pytest.mark.parametrize(("count", "size"), [(0, 256), (5, 0)])
def test_nothing_is_written_for_impossible_numbers(tmp_path, count, size):
    with pytest.raises(ValueError, match="positive"):
        draw_faces(tmp_path / "faces", count, size=size)
    assert not (tmp_path / "faces").exists()
