"""Small files that take much time or memory: each is refused with a reason, and the ones beside it are imported."""

import io
import os
import resource
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from annotator.errors import FacelabelError
from annotator.formats.importers import parquet_rows
from annotator.formats.importers.archives import bounded
from annotator.formats.importers.archives.members import read_members
from annotator.formats.importers.parquet_rows import read_rows
from annotator.imaging import decoder_pool
from annotator.imaging.decoder_pool import DecodingPool
from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.importing import images
from annotator.services.importing.images import decode_files
from annotator.services.importing.source_files import SourceFile
from tests.support.commands import call
from tests.support.hostile.costly_files import (
    costly_jpeg,
    costly_parquet,
    costly_tar,
    costly_video,
    costly_xz,
    costly_zip,
)
from tests.support.hostile.decoding import do_as_told
from tests.support.paths import CHECKOUT
from tests.support.projects.images import LIMITS, import_images, names_of
from tests.support.waiting import wait_until


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


def test_a_decoder_that_starts_while_another_crashes_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    start = DecodingPool._spawn_process

    def start_late(pool: DecodingPool) -> None:
        if pool._processes:
            wait_until(lambda: pool._broken, "the first process has crashed")
        start(pool)

    monkeypatch.setattr(DecodingPool, "_spawn_process", start_late)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    results = decode_files(
        do_as_told,
        sources(tmp_path, ["crash", "good"]),
        lambda *_: None,
        limits=LIMITS,
        refused=lambda reason: reason,
        at_once=1,
    )
    assert [result for _, result in results] == ["cannot be decoded (its decoder crashed)", "1"]


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


def test_the_directory_of_a_zip_archive_is_not_read_into_memory(
    project: ProjectFolder, tmp_path: Path, soak: bool, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a.zip"
    if not soak:
        monkeypatch.setattr(bounded, "MAX_MEMBERS", 100_000)
        monkeypatch.setattr(bounded, "_MAX_DIRECTORY", 2**23)
    for entries, reason in (
        (bounded.MAX_MEMBERS + 1, f"it has more than {bounded.MAX_MEMBERS:,} members"),
        (
            bounded._MAX_DIRECTORY // 46,
            f"its list of members is longer than {bounded._MAX_DIRECTORY // 2**20} MiB",
        ),
    ):
        costly_zip(path, entries)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        call("import", path, "-p", project.path).assert_refused(1, reason)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 2**10
    costly_zip(path, 3)
    finished = call("import", path, "-p", project.path)
    assert "is in the archive twice" in finished.out + finished.err


def test_an_archive_does_not_choose_how_much_memory_its_decoder_takes(project: ProjectFolder, tmp_path: Path):
    path = tmp_path / "a.tar.xz"
    costly_xz(path, 2**20)
    assert path.stat().st_size < 1000
    finished = call("import", path, "-p", project.path)
    finished.assert_refused(1, "it needs more than 256 MiB of memory to unpack")


def test_what_comes_out_of_a_packed_archive_ends_at_a_limit(
    tmp_path: Path, faces: Path, monkeypatch: pytest.MonkeyPatch
):
    photo = min(faces.glob("*.jpg"))
    for ending, mode in ((".tar", "w"), (".tar.gz", "w:gz"), (".tar.bz2", "w:bz2"), (".tar.xz", "w:xz")):
        path = tmp_path / f"a{ending}"
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
            archive.add(photo, "a.jpg")
            left_out = tarfile.TarInfo("a.log")
            left_out.size = 2**21
            archive.addfile(left_out, io.BytesIO(bytes(2**21)))
        assert [member.name for member in read_members(path)] == ["a.jpg", "a.log"]
        with monkeypatch.context() as small:
            small.setattr(bounded, "_MAX_UNPACKED", 2**20)
            with pytest.raises(tarfile.ReadError, match="it holds more than"):
                list(read_members(path))
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises((EOFError, tarfile.TarError, OSError)):
            list(read_members(path))


def test_a_frame_that_claims_more_than_the_video_promised_does_not_get_the_memory(
    project: ProjectFolder, tmp_path: Path
):
    path = tmp_path / "a.avi"
    costly_video(path, 65_000)
    finished = call("import", path, "-p", project.path)
    assert "Traceback" not in finished.err
    assert ("0 images imported" in finished.out) or finished.code == 1, finished
