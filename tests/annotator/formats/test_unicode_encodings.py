"""Label files in UTF-16, as PowerShell and Windows editors write them, are read like those in UTF-8."""

import json
from pathlib import Path

import pytest

from annotator.formats.import_formats import READERS, recognise
from annotator.project import ProjectFolder
from tests.support.commands import call

CHOICE = {"from_name": "glasses", "to_name": "image", "type": "choices", "value": {"choices": ["none"]}}
FILES = {
    "label_studio.json": ("label_studio", json.dumps([{"data": {"image": "ä.jpg"}, "annotations": [{"result": [CHOICE]}]}], ensure_ascii=False)),
    "label_studio.csv": ("label_studio", "image,glasses,annotator,annotation_id,lead_time\nä.jpg,none,1,1,2.5\n"),
    "makesense.json": ("makesense", json.dumps([{"image": "ä.jpg", "annotations": ["glasses=none"]}], ensure_ascii=False)),
    "labels_mine.csv": ("makesense", 'ä.jpg,"[glasses=none]"\n'),
    "coco.json": ("coco", json.dumps({"images": [{"id": 1, "file_name": "ä.jpg"}], "categories": [{"id": 1, "name": "none"}], "annotations": [{"image_id": 1, "category_id": 1}]})),
    "cvat.xml": ("cvat", '<?xml version="1.0" encoding="utf-16"?>\n<annotations><image name="ä.jpg"><tag label="none"/></image></annotations>'),
    "labelme.json": ("labelme", json.dumps({"imagePath": "ä.jpg", "flags": {"none": True}, "shapes": []})),
    "fiftyone.json": ("fiftyone", json.dumps({"classes": ["none"], "labels": {"ä": 0}})),
    "metadata.jsonl": ("huggingface", '{"file_name": "ä.jpg", "glasses": "none"}\n'),
    "list_attr_celeba.txt": ("celeba", "1\nMale Young\nä.jpg 1 -1\n"),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
@pytest.mark.parametrize("name", FILES)
def test_any_encoding_of_unicode_gives_the_same_labels(tmp_path: Path, name: str, encoding: str) -> None:
    form, text = FILES[name]
    if encoding == "utf-16-le" and form == "cvat":
        pytest.skip("XML in UTF-16 must begin with a byte-order mark")
    (tmp_path / "plain").mkdir()
    plain, encoded = tmp_path / "plain" / name, tmp_path / name
    plain.write_text(text.replace("utf-16", "utf-8"), encoding="utf-8")
    encoded.write_bytes(
        (text if encoding.startswith("utf-16") else text.replace("utf-16", encoding[:5])).encode(encoding)
    )
    assert recognise(encoded) == form
    expected, found = READERS[form].read(plain), READERS[form].read(encoded)
    assert expected.answers
    assert [image.name for image in found.images] == [image.name for image in expected.images]
    assert found.answers == expected.answers


def test_a_file_of_another_encoding_is_refused_for_that(filled: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_bytes(FILES["label_studio.json"][1].encode("cp1252"))
    call("import", tmp_path / "export.json", "-p", filled.path).assert_refused(
        1, "is not UTF-8", "Nothing was changed."
    )
