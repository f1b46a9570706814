"""Small files that take much time or memory: each is refused with a reason, and the ones beside it are imported."""

import resource
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from annotator.errors import FacelabelError
from annotator.formats.importers import parquet_rows
from annotator.formats.importers.archives.members import read_members
from annotator.formats.importers.parquet_rows import read_rows
from annotator.imaging import decoder_pool
from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.importing import images
from annotator.services.importing.images import decode_files
from annotator.services.importing.source_files import SourceFile
from tests.support.commands import call
from tests.support.hostile.costly_files import costly_jpeg, costly_parquet, costly_tar
from tests.support.hostile.decoding import do_as_told
from tests.support.paths import CHECKOUT
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
    monkeypatch.setattr(decoder_pool, "SECONDS", 3)
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


def test_the_header_of_an_archive_is_not_read_into_memory(project: ProjectFolder, tmp_path: Path):
    path = tmp_path / "a.tar.gz"
    costly_tar(path, 300 * 2**20)
    assert path.stat().st_size < 310_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(tarfile.ReadError):
        list(read_members(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 2**10
    finished = call("import", path, "-p", project.path)
    finished.assert_refused(1, "a name or a header is longer than 1 MiB")


def test_a_parquet_file_is_decoded_within_limits_of_memory_and_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "metadata.parquet"
    costly_parquet(path, 4096, 1_000_000)
    assert path.stat().st_size < 3000
    with pytest.raises(FacelabelError, match=r"more than 2 GiB of memory|ends its decoder"):
        list(read_rows(path))
    costly_parquet(path, 4097, 10)
    assert [row["file_name"] for _, row in read_rows(path)] == ["a" * 10] * 4097
    monkeypatch.setattr(parquet_rows, "MAX_ROWS", 4000)
    with pytest.raises(FacelabelError, match="more than 4,000 rows"):
        list(read_rows(path))


LIMITED = """
import mmap
from annotator.imaging.decoder_pool import limit_process

def take(size):
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

before = take(1200 * 2**20)
limit_process(64 * 2**20, 60)
within = take(32 * 2**20)
try:
    take(128 * 2**20)
except OSError:
    print("refused")
"""


def test_what_a_decoder_was_forked_from_does_not_count_against_it():
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False, cwd=CHECKOUT
    )
    assert (ran.returncode, ran.stdout) == (0, "refused\n"), ran.stderr
