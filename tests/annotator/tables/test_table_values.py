"""What the cells of a table mean: codes or names per column, numbers from pandas, empty words, signs, one-hot columns."""

import re
import unicodedata
from pathlib import Path

import pytest

from annotator.formats.importers.mapping import Mapping
from annotator.project import ProjectFolder
from annotator.services.importing.pipeline import propose_mapping
from annotator.services.importing.sources import ImportOptions, find_sources
from annotator.services.projects import init_project
from tests.support.commands import Finished, call, contents
from tests.support.projects.images import LIMITS, import_images
from tests.support.projects.importing import run_import

NAMES = [f"000{n}.jpg" for n in range(1, 7)]


def attribute(name: str, pairs: list[tuple[int, str]]) -> str:
    values = ", ".join(f'{{ code = {code}, name = "{value}" }}' for code, value in pairs)
    return f'[[attribute]]\nname = "{name}"\nkey = "{name[0]}"\nvalues = [{values}]\n'


PEOPLE = '[[attribute]]\nname = "identity"\nkey = "p"\nkind = "open"\nrequired = false\ngroups = true\n'
SCHEMA = "version = 1\n" + "".join(
    (
        attribute("rating", [(code, str(code + 1)) for code in range(5)]),
        attribute("decade", [(code, str(10 * (code + 1))) for code in range(4)]),
        attribute("smiling", [(0, "no"), (1, "yes")]),
        attribute("eyeglasses", [(0, "none"), (1, "glasses"), (2, "sunglasses")]),
        attribute("age", list(enumerate(["0-2", "4-6", "8-12", "25-32", "60-100"]))),
        attribute("hair_color", list(enumerate(["black", "blond", "brown", "other"]))),
        attribute("beard", [(0, "no"), (1, "yes")]),
        attribute("teint", [(0, "h\u00e2l\u00e9"), (1, "p\u00e2le")]),
        PEOPLE,
    )
)


@pytest.fixture
def project(faces: Path, tmp_path: Path) -> ProjectFolder:
    """A project with this schema and six images."""
    (tmp_path / "schema.toml").write_text(SCHEMA, encoding="utf-8")
    made = init_project(tmp_path / "project", tmp_path / "schema.toml")
    import_images(made, [faces / name for name in NAMES])
    made.database.close()
    return made


def write(folder: Path, header: str, cells: list[str], name: str = "table.csv") -> Path:
    """A table of the first images; each text is what follows the image's name."""
    path = folder / name
    rows = "".join(f"{image},{cell}\n" for image, cell in zip(NAMES, cells, strict=False))
    path.write_text(f"{header}\n{rows}", encoding="utf-8")
    return path


def labels(project: ProjectFolder, table: Path, *arguments: object) -> dict:
    return run_import(project, table, *arguments)[str(table)]["labels"]


def refused(project: ProjectFolder, table: Path, *words: str) -> Finished:
    before = contents(project.path)
    finished = call("import", table, "-p", project.path)
    finished.assert_refused(1, "Nothing was changed.", *words)
    assert contents(project.path) == before
    return finished


def choices(finished: Finished) -> list[str]:
    """The mappings that an error shows to choose from."""
    shown = finished.err[finished.err.index("# if") :]
    return ["[columns." + part for part in re.split(r"^\[columns\.", shown, flags=re.MULTILINE)[1:]]


def test_a_column_that_fits_as_codes_and_as_names_is_asked_about(project: ProjectFolder, tmp_path: Path):
    table = write(tmp_path, "image_name,rating", ["1", "2", "3", "4"])
    finished = refused(project, table, "The cells of rating", "can be read in two ways", "--map FILE")
    as_codes, as_names = choices(finished)
    (tmp_path / "codes.toml").write_text(as_codes)
    (tmp_path / "names.toml").write_text(as_names)
    by_code = labels(project, table, "--map", tmp_path / "codes.toml", "--dry-run")["values"]
    assert by_code == {"rating": {"2": 1, "3": 1, "4": 1, "5": 1}}
    by_name = labels(project, table, "--map", tmp_path / "names.toml", "--dry-run")["values"]
    assert by_name == {"rating": {"1": 1, "2": 1, "3": 1, "4": 1}}


def test_the_page_gets_both_readings_as_proposals(project: ProjectFolder, tmp_path: Path):
    table = write(tmp_path, "image_name,rating", ["1", "2"])
    [source] = find_sources(project, [table])
    mapping, counts = propose_mapping(project, source, ImportOptions(LIMITS))
    name, (codes, names) = mapping.readings["rating"]
    assert (name, codes.values["1"], names.values["1"]) == ("rating", "2", "1")
    text = mapping.text(counts)
    assert Mapping.parse(text, "proposal").columns == {"rating": ("rating", {})}
    chosen = text.replace('# values."1" = "1"', 'values."1" = "1"')
    assert Mapping.parse(chosen, "chosen").columns == {"rating": ("rating", {"1": "1"})}


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["5", "5"], {"5": 2}),  # no value has the code 5
        (["0", "4"], {"1": 1, "5": 1}),  # no value has the name 0
        (["5.0", ""], {"5": 1}),  # pandas wrote the name 5
        (["0.5", "1"], None),
        (["0.0", "4.00", " 4 ", "-1"], {"1": 1, "5": 2, "can't tell": 1}),
    ],
)
def test_a_column_is_read_in_the_one_way_that_fits(
    project: ProjectFolder, tmp_path: Path, cells: list[str], values: dict[str, int] | None
):
    table = write(tmp_path, "image_name,rating", cells)
    if values is None:
        refused(project, table, "rating has no value '0.5'")
    else:
        assert labels(project, table)["values"] == {"rating": values}


def test_numbers_that_pandas_made_floats_are_codes_and_never_other_names(
    project: ProjectFolder, tmp_path: Path
):
    table = write(tmp_path, "image_name,decade", ["1.0", "1.0", "2.0", "", "1.0", "nan"])
    report = labels(project, table)
    assert report["values"] == {"decade": {"20": 3, "30": 1}}
    assert "decade: 'nan' is read as an empty cell" in report["notes"]


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "NA", "<NA>", "null", "N/A", " "])
def test_an_empty_word_is_no_label_and_no_person(project: ProjectFolder, tmp_path: Path, word: str):
    table = write(tmp_path, "image_name,smiling,identity", [f"yes,{word}", f"{word},ann"])
    assert labels(project, table)["values"] == {"smiling": {"yes": 1}, "identity": {"ann": 1}}


def test_an_empty_word_that_is_a_value_of_the_schema_is_that_value(project: ProjectFolder, tmp_path: Path):
    assert labels(project, write(tmp_path, "image_name,eyeglasses", ["None", "glasses"]))["values"] == {
        "eyeglasses": {"none": 1, "glasses": 1}
    }


def test_people_whose_numbers_became_floats_keep_their_numbers(project: ProjectFolder, tmp_path: Path):
    report = labels(project, write(tmp_path, "image_name,identity", ["17.0", "17.0", "", "4.0"]))
    assert report["values"] == {"identity": {"17": 2, "4": 1}}
    assert "identity: 17.0 is read as 17" in report["notes"]
    mixed = labels(project, write(tmp_path, "image_name,identity", ["17.0", "ann"], "b.csv"), "--dry-run")
    assert set(mixed["values"]["identity"]) == {"17.0", "ann"}


def test_true_is_yes_where_yes_and_no_are_meant_and_is_told(project: ProjectFolder, tmp_path: Path):
    report = labels(project, write(tmp_path, "image_name,smiling", ["True", "False", "", "TRUE"]))
    assert report["values"] == {"smiling": {"yes": 2, "no": 1}}
    assert any("True is read as yes" in note for note in report["notes"])


def test_true_elsewhere_is_unknown_and_a_mapping_is_shown(project: ProjectFolder, tmp_path: Path):
    table = write(tmp_path, "image_name,eyeglasses", ["True", "False"])
    refused(project, table, "eyeglasses has no value 'True'", '[columns."eyeglasses"]', 'values."False" = ')


@pytest.mark.parametrize(
    "cells", [["1", "-1"], ["1", "0", "-1"], ["-1", "-1"], ["1.0", "-1.0"], ["+1", "\u22121"]]
)
def test_minus_one_in_a_question_of_two_values_is_asked_about(
    project: ProjectFolder, tmp_path: Path, cells: list[str]
):
    table = write(tmp_path, "filename,Smiling", cells)
    finished = refused(project, table, "-1 is 'no'", '-1 is "can\'t tell"', '[columns."Smiling"]')
    no, ours = choices(finished)
    (tmp_path / "no.toml").write_text(no)
    assert labels(project, table, "--map", tmp_path / "no.toml", "--dry-run")["values"]["smiling"]["no"] >= 1
    (tmp_path / "ours.toml").write_text(ours)
    values = labels(project, table, "--map", tmp_path / "ours.toml", "--dry-run")["values"]["smiling"]
    assert values["can't tell"] >= 1


def test_columns_with_the_same_two_readings_share_one_mapping(project: ProjectFolder, tmp_path: Path):
    table = write(tmp_path, "filename,Smiling,Beard", ["1,-1", "-1,1", "0,-1"])
    told = refused(project, table, "The cells of Smiling, Beard").err
    (tmp_path / "no.toml").write_text(told[told.index("# if") : told.index("# or, if")])
    assert labels(project, table, "--map", tmp_path / "no.toml")["values"] == {
        "smiling": {"yes": 1, "no": 1},
        "beard": {"no": 2, "yes": 1},
    }


def test_minus_one_in_our_own_files_stays_cannot_tell(project: ProjectFolder, tmp_path: Path):
    own = "image_name,rating,decade,smiling,eyeglasses,age,hair_color,beard,teint,identity"
    table = write(tmp_path, own, ["0,,1,2,,,,,", "0,,-1,2,,,,,"])
    assert labels(project, table)["values"]["smiling"] == {"yes": 1, "can't tell": 1}
    call("export", "--to", tmp_path / "s", "-p", project.path).assert_done()
    again = run_import(project, tmp_path / "s" / "labels.csv")[str(tmp_path / "s" / "labels.csv")]
    assert (again["format"], again["labels"]["unchanged"], again["labels"]["added"]) == ("snapshot", 6, 0)


def test_codes_and_names_do_not_mix_in_a_column(project: ProjectFolder, tmp_path: Path):
    table = write(tmp_path, "image_name,eyeglasses", ["none", "1"])
    refused(project, table, "eyeglasses has no value '1'", "codes or names, never both")


def test_no_number_is_read_out_of_a_longer_text(project: ProjectFolder, tmp_path: Path):
    table = tmp_path / "fold.tsv"
    ages = ["(0, 2)", "(4, 6)", "(25, 32)", "2", "3", "06-Apr"]
    table.write_text("image\tage\n" + "".join(f"{n}\t{age}\n" for n, age in zip(NAMES, ages, strict=True)))
    refused(
        project, table, "6 cells or rows", "age has no value '2'", "age has no value '(25, 32)'",
        'values."(25, 32)" = "25-32"', 'values."06-Apr" = "4-6"', 'values."2" = ""', 'values."3" = ""',
    )  # fmt: skip
    (tmp_path / "map.toml").write_text(
        '[columns.age.values]\n"(0, 2)" = "0-2"\n"(4, 6)" = "4-6"\n"(25, 32)" = "25-32"\n"06-Apr" = "4-6"\n'
    )
    finished = call("import", table, "--map", tmp_path / "map.toml", "-p", project.path)
    finished.assert_refused(1, "2 cells or rows", "age has no value '2'", "age has no value '3'")


def test_a_value_is_found_in_another_unicode_form_and_case(project: ProjectFolder, tmp_path: Path):
    decomposed = unicodedata.normalize("NFD", "h\u00e2l\u00e9")
    table = write(tmp_path, "image_name,teint", [decomposed, " P\u00c2LE ", "h\u00e2l\u00e9"])
    assert labels(project, table)["values"] == {"teint": {"h\u00e2l\u00e9": 2, "p\u00e2le": 1}}


def test_values_that_differ_in_their_unicode_form_only_stay_apart(faces: Path, tmp_path: Path):
    forms = [unicodedata.normalize(form, "\u00e9") for form in ("NFC", "NFD")]
    (tmp_path / "s.toml").write_text(
        "version = 1\n" + attribute("accent", list(enumerate(forms))), encoding="utf-8"
    )
    project = init_project(tmp_path / "p", tmp_path / "s.toml")
    import_images(project, [faces / name for name in NAMES])
    assert labels(project, write(tmp_path, "image_name,accent", [*forms, forms[1]]))["values"] == {
        "accent": {forms[0]: 1, forms[1]: 2}
    }
    project.database.close()


def test_decimal_commas_are_told(project: ProjectFolder, tmp_path: Path):
    table = tmp_path / "t.csv"
    table.write_text("image_name;eyeglasses\n0001.jpg;1,0\n0002.jpg;2,0\n")
    report = labels(project, table)
    assert report["values"] == {"eyeglasses": {"glasses": 1, "sunglasses": 1}}
    assert "eyeglasses: its codes are written with decimal commas" in report["notes"]


@pytest.mark.parametrize(
    "headers", ["filename, black, blond, brown", "Filename,hair_color_black,Blond_Hair,Brown"]
)
def test_one_hot_columns_answer_one_attribute_by_the_proposed_mapping(
    project: ProjectFolder, tmp_path: Path, headers: str
):
    table = write(tmp_path, headers, ["1, 0, 0", "0, 1, 0", "0, 0, 1", "0, 0, 0", "1, 1, 0"])
    refused(project, table, "look like one column per value of hair_color", "--map-out")
    mapping = tmp_path / "map.toml"
    call("import", table, "--dry-run", "--map-out", mapping, "-p", project.path).assert_refused(1)
    report = labels(project, table, "--map", mapping)
    assert report["values"] == {"hair_color": {"black": 1, "blond": 1, "brown": 1}}
    assert report["contradictions"] == [["0005.jpg", "hair_color"]]


def test_one_hot_columns_beside_an_attribute_are_told(project: ProjectFolder, tmp_path: Path):
    table = write(tmp_path, "image_name,smiling,black,blond", ["yes,1,0", "no,0,1"])
    report = labels(project, table)
    assert report["left_aside"] == ["black", "blond"]
    assert any(
        "black, blond look like one column per value of hair_color" in note for note in report["notes"]
    )


def test_a_source_of_names_reads_no_number_as_a_code(project: ProjectFolder, faces: Path, tmp_path: Path):
    for value, name in (("1", NAMES[0]), ("5", NAMES[1]), ("0", NAMES[2])):
        (tmp_path / "classes" / "rating" / value).mkdir(parents=True)
        (tmp_path / "classes" / "rating" / value / name).write_bytes((faces / name).read_bytes())
    report = run_import(project, tmp_path / "classes")[str(tmp_path / "classes")]
    assert report["labels"]["values"] == {"rating": {"1": 1, "5": 1}}
    assert report["unmapped"] == {"rating: 0": 1}


def test_a_mapping_that_reads_numbers_as_names_lets_no_other_number_be_a_code(
    project: ProjectFolder, tmp_path: Path
):
    (tmp_path / "map.toml").write_text('[columns.rating.values]\n1 = "1"\n2 = "2"\n')
    table = write(tmp_path, "image_name,rating", ["1", "2", "0"])
    finished = call("import", table, "--map", tmp_path / "map.toml", "-p", project.path)
    finished.assert_refused(1, "rating has no value '0'")
