"""Imports from archives, CelebA, the coursework's tool, class folders and tables."""

import hashlib
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from annotator.domain.names import propose_flat
from annotator.domain.schema import parse_schema
from annotator.project import ProjectFolder
from annotator.services.importing.pipeline import import_source
from annotator.services.importing.sources import ImportOptions, find_sources
from annotator.services.projects import init_project, read_schema_file
from tests.support.commands import Finished, call, contents
from tests.support.paths import CHECKOUT
from tests.support.projects.images import LIMITS
from tests.support.projects.importing import groups_by_name, labels_by_image, run_import

LEAVES = (
    "has a path that leaves the archive, or may leave it: it begins at a root or drive, or goes up with .."
)


def counts(project: ProjectFolder) -> dict:
    return json.loads(call("status", "--json", "-p", project.path).out)["attributes"]


def make_celeba(folder: Path, faces: Path) -> Path:
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"00000{number}.jpg").write_bytes((faces / f"{number:04d}.jpg").read_bytes())
    (folder / "list_attr_celeba.txt").write_text(
        "3\nBlack_Hair Brown_Hair Eyeglasses Young \n"
        "000001.jpg -1  1 -1  1\n000002.jpg  1  1  1  1\n000003.jpg  1 -1 -1 -1\n"
    )
    (folder / "identity_CelebA.txt").write_text("000001.jpg 2880\n000002.jpg 17\n000003.jpg 2880\n")
    (folder / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n")
    return folder


def test_celeba_is_imported_with_people_and_reports_unmapped_labels(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = make_celeba(tmp_path / "celeba", faces)
    report = run_import(project, folder)[str(folder)]
    assert report["format"] == "celeba"
    assert report["images"]["imported"] == 3
    assert report["unmapped"] == {"Black_Hair": 3, "Brown_Hair": 3, "Eyeglasses": 3, "Young": 3}
    found = groups_by_name(project)
    assert found["000001.jpg"] == found["000003.jpg"] != found["000002.jpg"]


def test_the_lists_of_celeba_find_images_that_are_png_files(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = make_celeba(tmp_path / "celeba", faces)
    png = folder / "img_align_celeba_png"
    png.mkdir()
    for photo in sorted(folder.glob("*.jpg")):
        with Image.open(photo) as opened:
            opened.resize((178, 218)).save(png / f"{photo.stem}.png")
        photo.unlink()
    (folder / "list_landmarks_align_celeba.txt").write_text(
        "3\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n"
        + "".join(f"00000{n}.jpg 69 111 108 111 88 135 73 152 105 152\n" for n in (1, 2, 3))
    )
    for arguments in ((folder, "--dry-run"), (folder,)):
        report = run_import(project, *arguments)[str(folder)]
        assert (report["images"]["imported"], report["images"]["faces"]) == (3, 3)
        assert (report["labels"]["absent"], report["labels"]["added"]) == (0, 3)
    found = groups_by_name(project)
    assert found["000001.png"] == found["000003.png"] != found["000002.png"]
    alone = run_import(project, folder / "identity_CelebA.txt")[str(folder / "identity_CelebA.txt")]
    assert (alone["labels"]["absent"], alone["labels"]["unchanged"]) == (0, 3)


def test_a_mapping_is_proposed_from_the_names_and_used(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = make_celeba(tmp_path / "celeba", faces)
    mapping = tmp_path / "map.toml"
    before = contents(project.path)
    call("import", folder, "--dry-run", "--map-out", mapping, "-p", project.path).assert_done()
    assert contents(project.path) == before
    report = run_import(project, folder, "--map", mapping)[str(folder)]
    assert report["unmapped"] == {}
    assert report["labels"]["contradictions"] == [["000002.jpg", "hair_color"]]
    assert report["labels"]["values"]["hair_color"] == {"brown": 1, "black": 1}
    assert report["labels"]["values"]["glasses"] == {"glasses": 1}


def test_a_dry_run_of_an_archive_proposes_a_mapping_for_what_is_in_it(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = make_celeba(tmp_path / "celeba", faces)
    shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    (source,) = find_sources(project, [tmp_path / "packed.zip"])
    report = import_source(project, source, ImportOptions(LIMITS, dry_run=True))
    assert report.format == "archive of celeba"
    assert report.proposal is not None
    mapping, counts = report.proposal
    assert mapping.columns["Black_Hair"] == ("hair_color", {"yes": "black", "no": ""})
    assert counts["Black_Hair"] == 3
    report = import_source(project, source, ImportOptions(LIMITS, dry_run=True, mapping=mapping))
    assert (report.unmapped, report.proposal) == ({}, None)


def test_a_celeba_list_with_commas_reads_the_same(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = make_celeba(tmp_path / "celeba", faces)
    plain = run_import(project, folder, "--dry-run")[str(folder)]
    lines = (folder / "list_attr_celeba.txt").read_text().splitlines()[1:]
    table = ["image_id," + ",".join(lines[0].split()), *(",".join(line.split()) for line in lines[1:])]
    (folder / "list_attr_celeba.csv").write_text("\n".join(table) + "\n")
    (folder / "list_attr_celeba.txt").unlink()
    assert run_import(project, folder, "--dry-run")[str(folder)] == plain


@pytest.mark.parametrize(
    ("label", "meaning"),
    [
        ("brown hair", ("hair_color", "brown")),
        ("Sunglasses", ("glasses", "sunglasses")),
        ("no wrinkles", ("wrinkles", "no")),
        ("Freckles", ("freckles", "yes")),
        ("grey_hair", ("hair_color", "gray")),
        ("Bald", ("hair_top", "bald or shaved")),
        ("Young", None),
    ],
)
def test_a_flat_label_is_mapped_by_its_words(label: str, meaning: tuple[str, str] | None) -> None:
    default = CHECKOUT / "annotator" / "attributes.toml"
    assert propose_flat(parse_schema(read_schema_file(default)), label) == meaning


def make_coursework(folder: Path, faces: Path, names: tuple[str, ...] = ("a_2.jpg", "a_10.jpg")) -> Path:
    folder.mkdir()
    for number, name in enumerate(names, start=1):
        (folder / name).write_bytes((faces / f"{number:04d}.jpg").read_bytes())
    (folder / "image_names.txt").write_text("\n".join(sorted(names)) + "\n")
    rest = ",".join(["false,"] * 14) + ","
    (folder / "AU_video.txt").write_text(
        f"0: N/A\n1: false,1,false,0,false,2,false,0,false,2,false,0,{rest}\n2: N/A\n"
        f"3: false,0,false,1,false,0,false,3,false,1,false,0,{rest}\n"
    )
    return folder


def test_the_courseworks_raw_answers_follow_the_natural_order_of_the_images(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = make_coursework(tmp_path / "raw", faces)
    assert run_import(project, folder)[str(folder)]["labels"]["added"] == 12
    call("export", "--to", tmp_path / "s", "-p", project.path).assert_done()
    assert (tmp_path / "s" / "labels.csv").read_text().splitlines()[1:] == [
        "a_10.jpg,0,1,0,3,1,0,",
        "a_2.jpg,1,0,2,0,2,0,",
    ]


def test_an_archive_is_read_as_what_it_holds(project: ProjectFolder, faces: Path, tmp_path: Path) -> None:
    folder = make_coursework(tmp_path / "raw", faces)
    packed = tmp_path / "raw.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder, "raw")
    report = run_import(project, packed)[str(packed)]
    assert (report["format"], report["images"]["imported"]) == ("archive of coursework", 2)
    assert report["labels"]["added"] == 12
    assert not list(project.path.glob(".import-*"))


def test_members_that_would_leave_an_archive_are_refused_and_the_others_imported(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    face = (faces / "0001.jpg").read_bytes()
    packed = tmp_path / "deep" / "er" / "bad.zip"
    packed.parent.mkdir(parents=True)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("good.jpg", "../up.jpg", "/tmp/absolute.jpg", "..\\back.jpg", "inner.zip", "empty.jpg"):
            archive.writestr(name, b"" if name == "empty.jpg" else face)
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bomb.jpg", bytes(3 * 2**20))
    before = {path for path in tmp_path.rglob("*") if project.path not in path.parents}
    images = run_import(project, packed)[str(packed)]["images"]
    assert images["imported"] == 1
    assert {name: reason.split(";")[0] for name, reason in images["refused"]} == {
        "../up.jpg": LEAVES,
        "/tmp/absolute.jpg": LEAVES,
        "..\\back.jpg": LEAVES,
        "inner.zip": "is an archive inside the archive",
        "empty.jpg": "is empty",
        "link.jpg": "is a link",
        "bomb.jpg": "is compressed more than 200 times, which only archive bombs are",
    }
    assert {path for path in tmp_path.rglob("*") if project.path not in path.parents} == before


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_file_that_is_not_an_archive_is_refused(project: ProjectFolder, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\3\4 no archive" * 9)
    before = contents(project.path)
    call("import", tmp_path / name, "-p", project.path).assert_refused(1, name, "cannot be unpacked")
    assert contents(project.path) == before


def test_class_folders_are_one_tree_per_attribute(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    root = tmp_path / "classes"
    for number, tree in ((1, "glasses/none"), (2, "glasses/Sunglasses"), (1, "hair_color/not-visible")):
        (root / tree).mkdir(parents=True)
        (root / tree / f"{number}.jpg").write_bytes((faces / f"{number:04d}.jpg").read_bytes())
    (root / "glasses" / "odd.jpg").write_bytes((faces / "0003.jpg").read_bytes())
    (root / "README").write_text("three images")
    report = run_import(project, root)[str(root)]
    assert (report["format"], report["images"]["imported"]) == ("class_folders", 3)
    told = "1 image is in no value's folder, and imported without labels: glasses/odd.jpg"
    assert (report["notes"], report["images"]["left_aside"]) == ([told], 1)
    assert report["labels"]["values"] == {
        "glasses": {"none": 1, "sunglasses": 1},
        "hair_color": {"not visible": 1},
    }


@pytest.mark.parametrize("form", ["cvat", "label_studio"])
def test_an_archive_of_images_and_their_label_file_imports_both(
    project: ProjectFolder, faces: Path, tmp_path: Path, form: str
) -> None:
    origin = init_project(tmp_path / "origin")
    origin.database.close()
    (tmp_path / "photos" / "party").mkdir(parents=True)
    for number in (1, 2, 3):
        shutil.copy(faces / f"{number:04d}.jpg", tmp_path / "photos" / "party")
    labels = tmp_path / "labels.csv"
    labels.write_text("image_name,glasses,hair_color\nparty/0001.jpg,2,3\nparty/0002.jpg,-1,\n")
    call("import", tmp_path / "photos", labels, "-p", origin.path).assert_done()
    out = tmp_path / "out"
    call("export", "--format", form, "--images", "copy", "--to", out, "-p", origin.path).assert_done()
    shutil.make_archive(str(tmp_path / form), "zip", out)
    # An image that is called as one of the archive's is another one.
    shutil.copy(faces / "0009.jpg", tmp_path / "photos" / "party" / "0001.jpg")
    call("import", tmp_path / "photos" / "party" / "0001.jpg", "-p", project.path).assert_done()
    report = run_import(project, tmp_path / f"{form}.zip")[str(tmp_path / f"{form}.zip")]
    assert report["format"] == f"archive of {form} with its images"
    assert (report["images"]["imported"], report["images"]["refused"]) == (3, [])
    assert report["labels"]["values"] == {
        "glasses": {"sunglasses": 1, "can't tell": 1},
        "hair_color": {"blond": 1},
    }
    assert set(groups_by_name(project)) == {"0001.jpg", *(f"party/{number:04d}.jpg" for number in (1, 2, 3))}


def test_a_label_file_in_a_folder_of_photos_is_noted(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(faces / "0001.jpg", photos)
    (photos / "labels.csv").write_text("image_name,glasses\n0001.jpg,2\n")
    told = call("import", photos, "-p", project.path)
    told.assert_done()
    note = "labels.csv may hold labels (table): import it separately, after the images."
    assert note in told.err
    assert run_import(project, photos)["images"]["notes"] == [note]


def test_folders_of_photos_are_not_class_folders(project: ProjectFolder, faces: Path, tmp_path: Path) -> None:
    (tmp_path / "photos" / "2024" / "summer").mkdir(parents=True)
    (tmp_path / "photos" / "2024" / "summer" / "1.jpg").write_bytes((faces / "0001.jpg").read_bytes())
    assert run_import(project, tmp_path / "photos")["images"]["imported"] == 1


def test_folders_that_are_named_like_values_are_hinted_at_and_become_labels_by_a_mapping(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    root, proposal = tmp_path / "split", tmp_path / "map.toml"
    for number, place in enumerate(("train/none", "train/sunglasses", "val/none", "val/glasses"), 1):
        (root / place).mkdir(parents=True)
        (root / place / f"{number}.jpg").write_bytes((faces / f"{number:04d}.jpg").read_bytes())
    report = run_import(project, root)["images"]
    assert report["imported"] == 4
    [note] = report["notes"]
    assert note.startswith("The folders in train/, val/ are named like values of glasses.")
    call("import", root, "--dry-run", "--map-out", proposal, "-p", project.path).assert_done()
    call("import", root, "--map", proposal, "-p", project.path).assert_done()
    labels = {"train/none/1.jpg": "none", "train/sunglasses/2.jpg": "sunglasses"}
    labels |= {"val/none/3.jpg": "none", "val/glasses/4.jpg": "glasses"}
    assert labels_by_image(project, "glasses") == labels


def test_the_next_import_removes_the_leftovers_of_a_killed_one(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    left = project.stores.images.local_root / "incoming" / ".1234.tmp"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    (project.path / ".import-left").mkdir()
    call("import", faces / "0001.jpg", "-p", project.path).assert_done()
    assert not left.exists()
    assert not list(project.path.glob(".import-*"))


def test_a_full_disk_stops_the_import_with_a_clear_message(faces: Path, small_disk: Path) -> None:
    made = init_project(small_disk / "project")
    made.database.close()
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free - 100_000))
    call("import", faces, "-p", made.path).assert_refused(1, "Make room")
    assert not list(made.path.rglob("*.tmp"))
    (small_disk / "filler").unlink()
    for path in made.stores.images.local_root.glob("*/*.*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem


def told(finished: Finished) -> str:
    finished.assert_done()
    return finished.err


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("image_name,glasses,note\n0001.jpg,2,café\n".encode("cp1252"), "was read as Windows-1252"),
        ("image_name,glasses\n0001.jpg,2\n".encode("utf-16"), "it is UTF-16"),
        (b"image_name;glasses\n0001.jpg;2\n", "separated by semicolons"),
        (b"image_name\tglasses\n0001.jpg\t2\n", "separated by tabs"),
    ],
)
def test_a_tables_encoding_and_delimiter_are_detected_and_noted(
    filled: ProjectFolder, tmp_path: Path, content: bytes, note: str
) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    assert note in told(call("import", tmp_path / "labels.csv", "-p", filled.path))
    assert counts(filled)["glasses"]["values"] == {"2": 1}


def test_a_table_without_header_is_read_through_a_mapping(filled: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("0001.jpg,2\n0002.jpg,0\n")
    (tmp_path / "map.toml").write_text('[columns.2]\nattribute = "glasses"\n')
    call("import", tmp_path / "labels.csv", "--map", tmp_path / "map.toml", "-p", filled.path).assert_done()
    assert counts(filled)["glasses"]["values"] == {"0": 1, "2": 1}


@pytest.mark.shared
def test_the_real_exports_of_other_tools_are_recognised(project: ProjectFolder, shared: Path) -> None:
    found = {}
    for folder, ending in (("makesense", ".csv"), ("label_studio", ".json"), ("label_studio", ".csv")):
        for file in sorted((shared / folder).rglob(f"*{ending}")):
            report = run_import(project, file, "--dry-run")[str(file)]
            found[file] = report["format"]
            assert report["unmapped"], "the schema knows none of their labels, and that is told"
    assert {path.relative_to(shared).parts[0] for path in found} == set(found.values())


def test_labels_that_are_imported_as_opinions_answer_nothing(filled: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image_name,glasses\n0001.jpg,2\n")
    for added in (1, 0):
        report = run_import(filled, tmp_path / "labels.csv", "--as", "opinions")
        assert report[str(tmp_path / "labels.csv")]["labels"]["added"] == added
    assert counts(filled)["glasses"]["labelled"] == 0


def test_a_dry_run_reports_what_the_import_then_does(
    project: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    folder = make_coursework(tmp_path / "raw", faces)
    (folder / "bad.jpg").write_text("no image")
    before = contents(project.path)
    said = run_import(project, folder, "--dry-run")[str(folder)]
    assert contents(project.path) == before
    did = run_import(project, folder)[str(folder)]
    assert said | {"dry_run": False} == did
    (kept,) = project.imports.glob("*.json")
    assert json.loads(kept.read_bytes())["images"]["refused"] == did["images"]["refused"] != []
