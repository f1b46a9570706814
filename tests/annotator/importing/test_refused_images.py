"""Files that are not images, or hostile ones, are refused with a reason, and nothing else changes."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.commands import call, contents, run


def text_named_jpg(path: Path) -> None:
    path.write_text("Dear diary, this is not a photo.")


def named_pipe(path: Path) -> None:
    os.mkfifo(path)


def empty_file(path: Path) -> None:
    path.touch()


def broken_link(path: Path) -> None:
    path.symlink_to("nowhere.jpg")


def huge_png(path: Path) -> None:
    """20000×20000 pixels of one bit: 50 kB on disk, 1.2 GB as RGB."""
    side = 20_000
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
        )
    )


def truncated_jpeg(whole: Path) -> Callable[[Path], None]:
    content = whole.read_bytes()
    return lambda path: path.write_bytes(content[: len(content) // 2]) and None


@pytest.fixture
def makers(faces: Path) -> dict[str, tuple[Callable[[Path], None], str]]:
    """Bad files, each with the reason of its refusal."""
    return {
        "text.jpg": (text_named_jpg, "is not an image that can be read"),
        "half.jpg": (truncated_jpeg(faces / "0001.jpg"), "is damaged"),
        "huge.png": (huge_png, "128,000,000"),
        "pipe.jpg": (named_pipe, "is not a regular file"),
        "empty.jpeg": (empty_file, "is empty"),
        "link.jpg": (broken_link, "cannot be opened"),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    return made


@pytest.mark.parametrize("name", ["text.jpg", "half.jpg", "huge.png", "pipe.jpg"])
def test_a_folder_with_only_a_bad_file_is_refused(
    project: ProjectFolder, folder: Path, makers: dict, name: str
) -> None:
    make, reason = makers[name]
    make(folder / name)
    before = contents(project.path)
    call("import", folder, "-p", project.path).assert_refused(
        1, f"refused: {name} {reason}" if name != "huge.png" else reason, "Nothing was changed."
    )
    assert contents(project.path) == before


def test_bad_files_among_good_ones_are_named_and_the_good_ones_imported(
    project: ProjectFolder, folder: Path, makers: dict, faces: Path
) -> None:
    for name, (make, _) in makers.items():
        make(folder / name)
    (folder / "good.jpg").write_bytes((faces / "0002.jpg").read_bytes())
    (folder / "notes.txt").write_text("not an image")
    finished = run("import", folder, "-p", project.path)
    finished.assert_done()
    for name, (_, reason) in makers.items():
        line = next(line for line in finished.err.splitlines() if line.startswith(f"refused: {name} "))
        assert reason in line
    assert "1 image imported" in finished.out
    assert "6 refused, 1 other file ignored" in finished.out
    assert (
        len(list(project.stores.images.local_root.rglob("*.*")))
        == len(list(project.stores.views.local_root.rglob("*.*")))
        == 1
    )


@pytest.mark.parametrize("named", ["empty", "text only", "absent"])
def test_a_source_without_any_image_is_a_usage_error(
    project: ProjectFolder, folder: Path, named: str
) -> None:
    if named == "text only":
        (folder / "notes.txt").write_text("nothing to see")
    source = folder / "absent" if named == "absent" else folder
    before = contents(project.path)
    call("import", source, "-p", project.path).assert_refused(
        2, str(source), "Nothing was changed.", "Name a folder"
    )
    assert contents(project.path) == before


def test_up_on_a_folder_without_images_fails_and_serves_nothing(tmp_path: Path, folder: Path) -> None:
    call("up", folder, "-p", tmp_path / "new", "--port", "0", "--no-open").assert_refused(
        2, "There is no image file", "Name a folder"
    )
    call("up", tmp_path / "absent", "-p", tmp_path / "other", "--no-open").assert_refused(2, "does not exist")
    assert not (tmp_path / "other").exists()


def test_an_image_that_was_refused_does_not_stop_a_second_import(
    project: ProjectFolder, folder: Path, makers: dict, faces: Path
) -> None:
    make, _ = makers["half.jpg"]
    make(folder / "a.jpg")
    (folder / "b.jpg").write_bytes((faces / "0003.jpg").read_bytes())
    call("import", folder, "-p", project.path).assert_done()
    before = contents(project.path)
    reports = set(project.imports.iterdir())
    second = call("import", folder, "-p", project.path)
    second.assert_done()
    assert "0 images imported, 1 imported before" in second.out
    assert "refused: a.jpg is damaged" in second.err
    (newest,) = set(project.imports.iterdir()) - reports
    newest.unlink()
    assert contents(project.path) == before
