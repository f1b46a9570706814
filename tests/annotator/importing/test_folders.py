"""Folders as people have them: links, hidden and thumbnail folders, masks, files without an ending."""

import os
import shutil
from pathlib import Path

from PIL import Image

from annotator.formats.importers.folder_files import list_folder
from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.projects.images import names_of
from tests.support.projects.importing import run_import
from tests.support.projects.photos import draw_photo, draw_photos


def test_linked_folders_are_followed_once_and_without_circles(project: ProjectFolder, tmp_path: Path) -> None:
    outside = draw_photos(tmp_path / "elsewhere", {"far.jpg": 1})
    folder = draw_photos(tmp_path / "photos", {"a/near.jpg": 2})
    (folder / "0-again").symlink_to(folder / "a")
    (folder / "a" / "up").symlink_to(folder)
    (folder / "a" / "above").symlink_to(tmp_path)
    (folder / "out").symlink_to(outside)
    (outside / "back").symlink_to(folder)
    report = run_import(project, folder)["images"]
    assert names_of(project) == ["a/near.jpg", "out/far.jpg"]
    assert report["found"] == report["imported"] == 2
    told = " ".join(report["notes"])
    assert f"1 link leads out of {folder} and was followed: out → {outside}" in told
    assert "4 links to folders were not followed" in told


def test_a_linked_file_outside_is_told(tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "far.jpg", 1)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "near.jpg").symlink_to(photo)
    listing = list_folder(tmp_path / "photos")
    assert [path.name for path in listing.images] == ["near.jpg"]
    assert f"near.jpg → {photo}" in listing.notes[0]


def test_hidden_and_thumbnail_folders_are_ignored_by_kind(project: ProjectFolder, tmp_path: Path) -> None:
    folder = draw_photos(
        tmp_path / "photos",
        {
            "1.jpg": 1, ".ipynb_checkpoints/1-checkpoint.jpg": 2, "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg": 3,
            "__MACOSX/1.jpg": 4, ".Trash-1000/files/2.jpg": 5, ".thumbnails/3.png": 6, ".secret/4.jpg": 7, "a/._1.jpg": 8,
        },
    )  # fmt: skip
    for name in ("Thumbs.db", ".DS_Store"):
        (folder / name).write_bytes(b"system")
    report = run_import(project, folder)["images"]
    assert names_of(project) == ["1.jpg"]
    assert report["ignored"] == {
        "files in .ipynb_checkpoints": 1, "files in @eaDir": 1, "files in __MACOSX": 1, "files in .Trash-1000": 1,
        "files in .thumbnails": 1, "files in hidden folders": 1, "._ files of macOS": 1, "Thumbs.db files": 1,
        ".DS_Store files": 1,
    }  # fmt: skip
    assert report["found"] == 10


def test_files_without_an_ending_or_with_a_wrong_one_are_images_by_their_content(
    project: ProjectFolder, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    draw_photo(folder / "IMG_0001", 1, "JPEG")
    draw_photo(folder / "web.bin", 2, "WEBP")
    (folder / "README").write_text("no image")
    os.mkfifo(folder / "pipe")
    report = run_import(project, folder)["images"]
    assert names_of(project) == ["IMG_0001", "web.bin"]
    assert report["ignored"] == {"files without an ending": 2}


def test_files_without_an_ending_come_out_of_an_archive(project: ProjectFolder, tmp_path: Path) -> None:
    draw_photo(tmp_path / "photos" / "IMG_0001", 1, "JPEG")
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "photos")
    assert run_import(project, packed)[packed]["images"]["imported"] == 1


def test_masks_beside_photos_are_ignored_and_counted(project: ProjectFolder, tmp_path: Path) -> None:
    folder = draw_photos(
        tmp_path / "set", {"img/0.jpg": 1, "anno/00000_l_eye.png": 2, "annotations/color.png": 3}
    )
    (folder / "masks").mkdir()
    Image.new("L", (32, 32), 1).save(folder / "masks" / "0.png")
    Image.new("P", (32, 32), 1).save(folder / "annotations" / "0.png")
    finished = call("import", folder, "-p", project.path)
    finished.assert_done()
    assert names_of(project) == ["annotations/color.png", "img/0.jpg"]
    assert "Ignored: 3 masks." in finished.out
    assert "To import masks, name their folder alone." in finished.err
    assert run_import(project, folder / "masks")["images"]["imported"] == 1


def test_a_folder_that_cannot_be_read_is_refused_by_name(project: ProjectFolder, tmp_path: Path) -> None:
    folder = draw_photos(tmp_path / "photos", {"1.jpg": 1})
    names = ["deep" * 50] * 22  # longer than the system lets a path be, which holds for root too
    descriptor = os.open(folder, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=descriptor)
        inside = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inside
    os.close(os.open("2.jpg", os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)
    listing = list_folder(folder)
    [(name, reason)] = listing.refused
    assert set(name.split("/")) == {"deep" * 50}
    assert reason == "cannot be opened (File name too long)"
    assert listing.found == 2
    report = run_import(project, folder)["images"]
    assert (report["found"], report["imported"], report["refused"]) == (2, 1, [[name, reason]])
