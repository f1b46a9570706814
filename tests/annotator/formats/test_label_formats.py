"""COCO, labelme and FiftyOne: labels read by names, through the real import."""

import json
import shutil
from pathlib import Path

import pytest

from annotator.errors import FacelabelError
from annotator.formats.importers.base import SourceAnswer
from annotator.formats.tools import coco, fiftyone, labelme
from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.projects.importing import run_import


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def copy_faces(faces: Path, folder: Path, *names: str) -> None:
    for number, name in enumerate(names, start=1):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(faces / f"{number:04d}.jpg", folder / name)


def answers(found: list[SourceAnswer]) -> list[tuple[str, str, str | None]]:
    return [(one.image, one.attribute, one.value) for one in found]


def values_of(project: ProjectFolder, source: Path, *options: object) -> dict:
    """The values that an import adds, and its report."""
    report = run_import(project, source, *options)[str(source)]
    return (report["labels"] or {}).get("values", {}) | {"format": report["format"]}


COCO = {
    "info": {"year": 2025},
    "licenses": [],
    # The annotations come first in some files, before the images and categories that they name.
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 1, "bbox": [0, 0, 9, 9]},
        {"id": 2, "image_id": 7, "category_id": 1, "segmentation": [[0, 0, 9, 9, 0, 9]]},
        {"id": 3, "image_id": 8, "category_id": 2, "attributes": {"hair_color": "brown", "occluded": False}},
        {"id": 4, "image_id": 99, "category_id": 2},
        {"id": 5, "image_id": 8, "caption": "a person"},
    ],
    "images": [{"id": 7, "file_name": "0001.jpg"}, {"id": 8, "file_name": "0002.jpg"}],
    "categories": [
        {"id": 1, "name": "glasses: sunglasses"},
        {"id": 2, "name": "glasses: none", "supercategory": "none"},
    ],
}


def test_coco_is_read_by_names_whatever_the_order_of_its_parts(tmp_path: Path) -> None:
    found = coco.read(write(tmp_path / "labels.json", COCO))
    assert [image.name for image in found.images] == ["0001.jpg", "0002.jpg"]
    assert answers(found.answers) == [
        ("0001.jpg", "", "glasses: sunglasses"),
        ("0002.jpg", "", "glasses: none"),
        ("0002.jpg", "hair_color", "brown"),
    ]
    assert found.notes == [
        "labels.json: 2 boxes and outlines were read as labels of the whole image.",
        "labels.json: 1 annotation has no category and was ignored.",
        "labels.json: 1 annotation names an image or a category that the file does not have, and was ignored.",
    ]


@pytest.mark.parametrize(
    ("part", "other", "reason"),
    [
        (
            "images",
            {"id": 7, "file_name": "0003.jpg"},
            "images 3: it has the id 7 of 0001.jpg, another image",
        ),
        (
            "categories",
            {"id": 2, "name": "bald"},
            "categories 3: it has the id 2 of glasses: none, another category",
        ),
    ],
)
def test_an_id_that_means_two_things_is_refused(tmp_path: Path, part: str, other: dict, reason: str) -> None:
    joined = COCO | {part: [*COCO[part], other]}  # two files of COCO that somebody joined
    with pytest.raises(FacelabelError, match=reason):
        coco.read(write(tmp_path / "labels.json", joined))


def test_labels_of_coco_are_imported(filled: ProjectFolder, tmp_path: Path) -> None:
    assert values_of(filled, write(tmp_path / "_annotations.coco.json", COCO)) == {
        "format": "coco",
        "glasses": {"sunglasses": 1, "none": 1},
        "hair_color": {"brown": 1},
    }


def test_a_folder_of_coco_with_splits_keeps_equal_names_apart(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "roboflow"
    copy_faces(faces, folder, "train/1.jpg", "valid/1.jpg", "valid/unlabelled.jpg")
    for split, value in (("train", "glasses: none"), ("valid", "glasses: sunglasses")):
        write(
            folder / split / "_annotations.coco.json",
            {
                "images": [{"id": 0, "file_name": "1.jpg"}],
                "categories": [{"id": 0, "name": value, "supercategory": "face"}],
                "annotations": [{"id": 0, "image_id": 0, "category_id": 0}],
            },
        )
    found = coco.read(folder)
    assert answers(found.answers) == [
        ("train/1.jpg", "", "glasses: none"),
        ("valid/1.jpg", "", "glasses: sunglasses"),
    ]
    report = run_import(project, folder)[str(folder)]
    assert (report["format"], report["images"]["imported"]) == ("coco", 3)
    assert report["labels"]["values"] == {"glasses": {"none": 1, "sunglasses": 1}}


def test_supercategories_are_attributes_if_there_are_several(tmp_path: Path) -> None:
    categories = [
        {"id": 1, "name": "brown", "supercategory": "hair_color"},
        {"id": 2, "name": "none", "supercategory": "glasses"},
    ]
    labels = [{"id": n, "image_id": "a", "category_id": n} for n in (1, 2)]
    content = {
        "images": [{"id": "a", "file_name": r"C:\faces\a.jpg"}],
        "categories": categories,
        "annotations": labels,
    }
    assert answers(coco.read(write(tmp_path / "a.json", content)).answers) == [
        ("faces/a.jpg", "", "hair_color: brown"),
        ("faces/a.jpg", "", "glasses: none"),
    ]


def labelme_file(image: str, **more: object) -> dict:
    return {"version": "5.4.1", "flags": {}, "shapes": [], "imagePath": image, "imageData": None} | more


def test_labelme_answers_flags_and_shapes(tmp_path: Path) -> None:
    content = labelme_file(
        r"..\photos\1.jpg",
        flags={"smiling": True, "tired": False, "hair_color: brown": True, "hair_color: gray": False},
        shapes=[
            {
                "label": "glasses: none",
                "flags": {"old": True},
                "attributes": {"hair_top": "bald"},
                "points": [],
            }
        ],
        imageData="A" * (9 * 2**20),
    )
    found = labelme.read(write(tmp_path / "1.json", content))
    assert answers(found.answers) == [
        ("photos/1.jpg", "smiling", "yes"),
        ("photos/1.jpg", "tired", "no"),
        ("photos/1.jpg", "hair_color", "brown"),
        ("photos/1.jpg", "", "glasses: none"),
        ("photos/1.jpg", "old", "yes"),
        ("photos/1.jpg", "hair_top", "bald"),
    ]
    assert found.notes == ["1 shape was read as a label of the whole image."]


def test_a_folder_of_labelme_is_imported_with_its_images(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "labelme"
    copy_faces(faces, folder, "a/1.jpg", "b/1.jpg", "b/2.jpg")
    write(folder / "a" / "1.json", labelme_file("1.jpg", flags={"glasses: none": True}))
    write(folder / "b" / "1.json", labelme_file(r"D:\renamed\old.jpg", flags={"glasses: sunglasses": True}))
    (folder / "b" / "2.json").write_text(
        '{"version": "5", "imagePath": "2.jpg", "flags": {"glasses: none": true'
    )
    report = run_import(project, folder)[str(folder)]
    assert (report["format"], report["images"]["imported"]) == ("labelme", 3)
    assert report["labels"]["values"] == {"glasses": {"none": 1, "sunglasses": 1}}
    assert "b/2.json" in json.dumps(report), "a damaged file is told by name"
    assert "a comma or } is missing after it" in json.dumps(report)


def test_flags_that_the_schema_does_not_know_are_told_and_mapped(
    filled: ProjectFolder, tmp_path: Path
) -> None:
    source = write(tmp_path / "0001.json", labelme_file("0001.jpg", flags={"spectacles": True}))
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        '[columns.spectacles]\nattribute = "glasses"\nvalues.yes = "sunglasses"\nvalues.no = ""\n'
    )
    assert run_import(filled, source)[str(source)]["unmapped"] == {"spectacles": 1}
    assert values_of(filled, source, "--map", mapping)["glasses"] == {"sunglasses": 1}


def test_classes_of_fiftyone_are_names_and_never_codes(filled: ProjectFolder, tmp_path: Path) -> None:
    labels = {
        "0001": 1, "0002": "glasses: none", "0003": None, "0004": {"label": "glasses: none", "confidence": 0.5},
        "0005": [0], "0006": 7,
    }  # fmt: skip
    content = {"labels": labels, "classes": ["glasses: none", "glasses: sunglasses"]}
    source = write(tmp_path / "labels.json", content)
    found = fiftyone.read(source)
    assert len(found.images) == 6
    assert found.notes == ["1 label has a number that is no class, and was ignored."]
    assert values_of(filled, source) == {"format": "fiftyone", "glasses": {"sunglasses": 1, "none": 3}}


def test_attributes_of_the_boxes_of_fiftyone_answer_the_attributes_of_their_names(
    filled: ProjectFolder, tmp_path: Path
) -> None:
    box: dict[str, object] = {"_cls": "Detection", "label": "face", "bounding_box": [0, 0, 1, 1], "mask_path": "m.png", "index": 3,
           "attributes": {"wrinkles": {"_cls": "CategoricalAttribute", "value": "yes"}}, "freckles": "no"}  # fmt: skip
    other = {"_cls": "Classification", "label": "none", "confidence": 0.9, "attributes": {}, "wrinkles": "no"}
    samples = [
        {"filepath": "/x/drawn/0001.jpg", "face": {"_cls": "Detections", "detections": [box]}},
        {"filepath": "/x/drawn/0002.jpg", "glasses": other},
    ]
    source = tmp_path / "samples.json"
    source.write_text(json.dumps({"samples": samples}))
    values = values_of(filled, source)
    assert values == {
        "format": "fiftyone", "wrinkles": {"yes": 1, "no": 1}, "freckles": {"no": 1},
        "glasses": {"none": 1},
    }  # fmt: skip


def test_a_data_set_of_fiftyone_is_imported_with_its_images(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "exported"
    copy_faces(faces, folder / "data", "1.jpg", "2.jpg")
    samples = [
        {
            "filepath": "data/1.jpg", "tags": ["train"], "metadata": {"size_bytes": 1}, "_id": {"$oid": "1"},
            "glasses": {"_cls": "Classification", "label": "none"}, "hair_color": "brown", "uniqueness": None,
            "embedding": {"$binary": "AAAA"},
        },
        {
            "filepath": "/home/ada/exported/data/2.jpg", "glasses": {"_cls": "Classifications", "classifications": [{"label": "sunglasses"}]},
            "hair_color": {"_cls": "Detections", "detections": [{"label": "gray", "bounding_box": [0, 0, 1, 1]}]},
        },
    ]  # fmt: skip
    write(folder / "samples.json", {"samples": samples})
    write(folder / "metadata.json", {"name": "faces"})
    report = run_import(project, folder)[str(folder)]
    assert (report["format"], report["images"]["imported"]) == ("fiftyone", 2)
    assert report["labels"]["values"] == {
        "glasses": {"none": 1, "sunglasses": 1},
        "hair_color": {"brown": 1, "gray": 1},
    }
    assert "1 value of the field 'embedding' is no label and was ignored." in report["notes"]
    assert "1 box was read as a label of the whole image." in report["notes"]


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (coco, {"images": [{"id": 1, "file_name": 5e99}, {"id": [], "file_name": "a.jpg"}]}),
        (coco, {"images": [{"id": 1, "file_name": "a\0.jpg"}]}),
        (coco, {"images": [{"id": 1, "file_name": ".."}]}),
        (coco, {"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": ["x"]}]}),
        (coco, {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [3]}),
        (coco, {"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b" * 5000}]}),
        (labelme, {"version": "5", "imagePath": 3, "shapes": [2]}),
        (labelme, {"version": "5", "imagePath": "a.jpg", "flags": {"x" * 5000: True}}),
        (fiftyone, {"classes": [1, ["x"]], "labels": {"a": 0}}),
        (fiftyone, {"samples": [{"filepath": "a.jpg"}, {"filepath": "b.jpg", "x": "y" * 5000}]}),
    ],
)
def test_malformed_files_are_refused_with_the_place(tmp_path: Path, reader, content: dict) -> None:
    path = write(tmp_path / "labels.json", content)
    with pytest.raises(FacelabelError, match="cannot be read"):
        reader.read(path)


@pytest.mark.parametrize("reader", [coco, labelme, fiftyone])
def test_deep_and_endless_json_is_refused(tmp_path: Path, reader) -> None:
    start = {"coco": '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [', "labelme": '{"version": "5", "imagePath": "a.jpg", "shapes": [',
             "fiftyone": '{"samples": [{"filepath": "a.jpg"}, '}[reader.__name__.rpartition(".")[2]]  # fmt: skip
    for rest in ("[" * 200_000, '"' + "a" * (5 * 2**20), ""):
        path = tmp_path / "labels.json"
        path.write_text(start + rest)
        assert reader.recognise(path)
        with pytest.raises(FacelabelError, match="cannot be read"):
            reader.read(path)


def test_a_name_that_leads_out_of_the_folder_opens_nothing(tmp_path: Path, faces: Path) -> None:
    shutil.copy(faces / "0001.jpg", tmp_path / "secret.jpg")
    folder = tmp_path / "labelme"
    write(folder / "secret.json", labelme_file("../secret.jpg", flags={"glasses": True}))
    write(folder / "other.json", labelme_file(str(tmp_path / "secret.jpg"), flags={"glasses": True}))
    assert [image.path for image in labelme.read(folder).images] == [None, None]


UNREAD = {
    "via.json": (b'{"_via_settings": {"ui": {}}}', "a project of the VGG Image Annotator"),
    "via_old.json": (
        b'{"a.jpg12": {"filename": "a.jpg", "regions": [], "file_attributes": {}}}',
        "a project of the VGG Image Annotator",
    ),
    "yolo.txt": (b"0 0.5 0.5 0.1 0.1\n1 0.4 0.5 0.1 0.2\n", "a label file of YOLO"),
    "voc.xml": (b"<annotation><filename>0.jpg</filename></annotation>", "an annotation of Pascal VOC"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_label_files_that_are_not_read_are_named_with_what_is_read(
    project: ProjectFolder, tmp_path: Path, name: str
) -> None:
    content, kind = UNREAD[name]
    (tmp_path / name).write_bytes(content)
    call("import", tmp_path / name, "-p", project.path).assert_refused(
        2,
        f"{name} is {kind}",
        "Labels are read from",
        "COCO (JSON), labelme and X-AnyLabeling (JSON), FiftyOne",
    )


def test_a_damaged_label_file_is_refused_for_its_damage(project: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_bytes(b'{"images": [{"id"')
    (tmp_path / "empty.json").touch()
    for name, kind in (
        ("cut", "a malformed .json file (images 1: it is not valid JSON"),
        ("empty", "an empty file"),
    ):
        call("import", tmp_path / f"{name}.json", "-p", project.path).assert_refused(
            2, f"{name}.json is {kind}"
        )


def test_an_attribute_list_like_celebas_is_recognised_by_its_content(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "hq"
    copy_faces(faces, folder / "photos", "0.jpg", "1.jpg", "2.jpg")
    (folder / "hq-attribute-anno.txt").write_text(
        "3\nBlack_Hair Eyeglasses Male \n0.jpg  -1  1 -1\n1.jpg  1 -1 -1\n2.jpg  -1 -1 1\n"
    )
    (folder / "hq-pose-anno.txt").write_text("3\nYaw Pitch Raw \n0.jpg 1.5 2 3\n")
    report = run_import(project, folder)[str(folder)]
    assert (report["format"], report["images"]["imported"]) == ("celeba", 3)
    assert report["unmapped"] == {"Black_Hair": 3, "Eyeglasses": 3, "Male": 3}
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        '[columns.Eyeglasses]\nattribute = "glasses"\nvalues.yes = "sunglasses"\nvalues.no = "none"\n'
    )
    source = folder / "hq-attribute-anno.txt"
    assert values_of(project, source, "--map", mapping) == {
        "format": "celeba",
        "glasses": {"sunglasses": 1, "none": 2},
    }


def test_celebas_table_is_recognised_under_any_name_and_other_tables_are_not(
    project: ProjectFolder, tmp_path: Path
) -> None:
    names = "Bald,Bangs,Male,Smiling,Young"
    renamed = tmp_path / "celeba_attr.csv"
    renamed.write_text(f"image_id,{names}\n000001.jpg,-1,1,-1,1,1\n")
    maad = tmp_path / "maad.csv"
    maad.write_text(f"Filename,Identity,{names}\na/1.jpg,7,-1,1,0,1,1\n")
    assert run_import(project, renamed)[str(renamed)]["format"] == "celeba"
    call("import", maad, "-p", project.path).assert_refused(1, "maad.csv")
