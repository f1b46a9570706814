"""The file attributes.toml and the active schema."""

import pytest

from annotator.domain.names import find_name, propose_value
from annotator.domain.schema import CANNOT_TELL, parse_schema
from annotator.errors import FacelabelError
from annotator.project import ProjectFolder
from annotator.resources import resource
from annotator.services.schema_editing.changes import apply_schema, preview_changes, read_schema

DEFAULT = resource("attributes.toml").read_text(encoding="utf-8")


def test_the_default_schema_has_the_codes_of_the_coursework():
    schema = parse_schema(DEFAULT)
    assert [a.name for a in schema.attributes] == [
        "wrinkles", "freckles", "glasses", "hair_color", "hair_top", "not_human", "identity",
    ]  # fmt: skip
    assert [v.name for v in schema["hair_color"].values] == [
        "brown", "black", "gray", "blond", "red", "white", "mixed", "other", "not visible",
    ]  # fmt: skip
    assert [v.name for v in schema["glasses"].values] == ["none", "glasses", "sunglasses"]
    assert schema["identity"].kind == "open"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("freakles", "freckles"),
        ("human_not_human", "not_human"),
        ("no_face_shown", "not_human"),
        ("Glasses", "glasses"),
    ],
)
def test_old_spellings_of_columns_are_read(header: str, name: str):
    found = parse_schema(DEFAULT).find_column(header)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("sunglasses", 2),
        ("SunGlasses ", 2),
        ("Can’t tell", CANNOT_TELL),
        ("2", None),
        ("-1", None),
        ("x2", None),
    ],
)
def test_a_name_is_found_in_any_case_and_is_never_a_code(cell: str, code: int | None):
    assert find_name(parse_schema(DEFAULT)["glasses"], cell) == code


@pytest.mark.parametrize(
    ("attribute", "text", "value"),
    [
        ("glasses", "no glasses", "none"), ("glasses", "False", "none"), ("glasses", "spectacles", "glasses"),
        ("glasses", "True", None), ("wrinkles", "True", "yes"), ("not_human", "no", None), ("hair_color", "Grey hair", "gray"),
        ("hair_top", "bald", "bald or shaved"), ("hair_color", "7", None),
    ],
)  # fmt: skip
def test_a_value_is_proposed_by_its_words_and_never_its_opposite(
    attribute: str, text: str, value: str | None
):
    assert propose_value(parse_schema(DEFAULT)[attribute], text) == value


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('key = "w"', 'key = "f"'), "key 'f' is given twice"),
        (('name = "wrinkles"', 'name = "Wrinkles!"'), "lower-case"),
        (('{ code = 1, name = "yes" }', '{ code = 0, name = "yes" }'), "code of wrinkles '0' is given twice"),
        (("version = 1", "version = 2"), "version = 1"),
        (('spellings = ["freakles"]', 'spellings = ["glasses"]'), "name 'glasses' is given twice"),
        (('kind = "open"', 'kind = "fuzzy"'), "must be"),
        (("[[attribute]]", "[[attribute]"), "not valid TOML"),
    ],
)
def test_a_wrong_schema_file_is_refused_with_the_place(change: tuple[str, str], told: str):
    with pytest.raises(FacelabelError, match=r"attributes\.toml cannot be used") as caught:
        parse_schema(DEFAULT.replace(*change, 1))
    assert told in caught.value.what


def test_what_is_stored_is_what_was_written(project: ProjectFolder):
    with project.database.read() as session:
        assert read_schema(session) == parse_schema(DEFAULT)
        assert read_schema(session).hash() == parse_schema(DEFAULT).hash()


def test_a_renamed_value_keeps_its_code_and_a_left_out_one_is_retired(project: ProjectFolder):
    text = DEFAULT.replace('name = "red"', 'name = "ginger"').replace(
        '    { code = 7, name = "other" },\n', ""
    )
    wanted = parse_schema(text.replace("version = 1", "version = 1", 1))
    with project.database.write() as session:
        changes = apply_schema(session, wanted)
    assert [str(change) for change in changes] == [
        "hair_color: rename the value 4 from 'red' to 'ginger'",
        "hair_color: retire the value 7 'other' (0 labels keep it)",
    ]
    with project.database.read() as session:
        values = {v.code: v for v in read_schema(session)["hair_color"].values}
        assert preview_changes(session, wanted) == []
    assert values[4].name == "ginger"
    assert (values[7].name, values[7].status) == ("other", "retired")


def test_an_added_attribute_opens_all_images_again(filled: ProjectFolder):
    extra = '\n[[attribute]]\nname = "beard"\nkey = "b"\nvalues = [{ code = 0, name = "no" }, { code = 1, name = "yes" }]\n'
    with filled.database.write() as session:
        [change] = apply_schema(session, parse_schema(DEFAULT + extra))
    assert str(change) == "add the attribute beard (0 done images are asked again)"
    with filled.database.read() as session:
        assert [a.name for a in read_schema(session).attributes][-1] == "beard"


def test_removing_an_attribute_is_refused(project: ProjectFolder):
    without = (
        DEFAULT[: DEFAULT.index("[[attribute]]")]
        + DEFAULT[DEFAULT.index('[[attribute]]\nname = "freckles"') :]
    )
    with project.database.write() as session, pytest.raises(FacelabelError, match="wrinkles"):
        apply_schema(session, parse_schema(without))
