"""Small files that take much time or memory: each is refused with a reason, and the ones beside it are imported."""

import shutil
from pathlib import Path

import pytest

from annotator.errors import FacelabelError
from annotator.imaging import decoder_pool
from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.importing import images
from annotator.services.importing.images import decode_files
from annotator.services.importing.source_files import SourceFile
from tests.support.costly_files import costly_jpeg
from tests.support.decoding import do_as_told
from tests.support.projects.images import LIMITS, import_images, names_of


@pytest.fixture
def photos(tmp_path: Path, faces: Path) -> Path:
    """Eight faces, with room between them for one that is costly."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in (1, 2, 3, 4, 6, 7, 8, 9):
        shutil.copy(faces / f"{number:04d}.jpg", folder)
    return folder


def test_an_image_that_takes_too_long_is_refused_and_the_others_are_imported(
    project: ProjectFolder, photos: Path, soak: bool, monkeypatch: pytest.MonkeyPatch
):
    if not soak:
        monkeypatch.setattr(decoder_pool, "PROCESSOR_SECONDS", 1)
    (photos / "0005.jpg").write_bytes(costly_jpeg(7900, 3000 if soak else 70))
    report = import_images(project, [photos])
    assert report.refused == [("0005.jpg", "takes too long to decode")]
    assert report.imported == 8
    assert names_of(project) == [f"{number:04d}.jpg" for number in (1, 2, 3, 4, 6, 7, 8, 9)]


def sources(folder: Path, kinds: list[str]) -> list[SourceFile]:
    made = []
    for number, kind in enumerate(kinds):
        path = folder / str(number)
        path.write_text(kind)
        made.append(SourceFile(path, path.name, "made"))
    return made


def test_whatever_a_file_does_to_its_decoder_the_others_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(decoder_pool, "SECONDS", 1)
    kinds = ["good", "good", "crash", "good", "killed", "good", "asleep", *["good"] * 40]
    told: list[int] = []
    results = decode_files(
        do_as_told,
        sources(tmp_path, kinds),
        lambda done, _: told.append(done),
        limits=LIMITS,
        refused=lambda reason: reason,
    )
    outcome = [result for _, result in results]
    assert outcome[2] == "cannot be decoded (its decoder crashed)"
    assert outcome[4] == "needs more memory to decode than there is"
    assert outcome[6] == "takes too long to decode"
    good = [number for number, kind in enumerate(kinds) if kind == "good"]
    assert [outcome[number] for number in good] == [str(number) for number in good]
    assert told[-1] == len(kinds)


def test_a_decoder_gets_the_memory_that_the_largest_image_needs(tmp_path: Path):
    file = sources(tmp_path, ["memory"])
    for pixels, expected in ((64_000_000, MemoryError), (300_000_000, None)):
        results = decode_files(
            do_as_told, file, lambda *_: None, limits=Limits(pixels, 2**27), refused=lambda reason: reason
        )
        if expected is None:
            assert [result for _, result in results] == [str(8 * 2**30)]
        else:
            with pytest.raises(expected):
                list(results)


def test_many_files_that_end_their_decoder_end_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "MOST_KILLED", 2)
    files = sources(tmp_path, ["good", *["crash"] * 5])
    results = decode_files(do_as_told, files, lambda *_: None, limits=LIMITS, refused=lambda reason: reason)
    with pytest.raises(FacelabelError, match="3 files took too long"):
        list(results)
