"""The copies on this machine: bounded, the least recently used leave first, and never one that somebody reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from annotator.store.cache import FileCache

SIZE = 1000


def name_of(number: int) -> str:
    return f"images/{number:02x}/{number:064x}.jpg"


def writes(number: int) -> Callable[[Path], bool]:
    return lambda place: place.write_bytes(bytes([number]) * SIZE) == SIZE


def use(cache: FileCache, number: int) -> bytes:
    with cache.hold(name_of(number), writes(number)) as path:
        return path.read_bytes()


def kept(cache: FileCache) -> set[int]:
    return {int(path.stem, 16) for path in cache.folder.glob("images/*/*.jpg")}


def test_the_least_recently_used_files_leave_first(tmp_path: Path):
    cache = FileCache(tmp_path, 10 * SIZE)
    for number in range(10):
        assert use(cache, number) == bytes([number]) * SIZE
    for age, path in enumerate(sorted(tmp_path.glob("images/*/*.jpg"))):
        os.utime(path, (age, age))
    use(cache, 0)
    use(cache, 10)
    assert 0 in kept(cache)
    assert 10 in kept(cache)
    assert 1 not in kept(cache)
    assert len(kept(cache)) <= 10


def test_a_file_that_is_read_never_leaves(tmp_path: Path):
    cache = FileCache(tmp_path, 3 * SIZE)
    with cache.hold(name_of(0), writes(0)) as path:
        for number in range(1, 12):
            use(FileCache(tmp_path, 3 * SIZE), number)
        assert path.read_bytes() == bytes(SIZE)
    for number in range(1, 4):
        use(cache, number)
    assert 0 not in kept(cache)


def test_a_missing_file_leaves_nothing_behind(tmp_path: Path):
    cache = FileCache(tmp_path, 3 * SIZE)
    with cache.hold(name_of(0), lambda _: False) as path:
        assert not path.exists()
    assert [place for place in tmp_path.rglob("*") if place.is_file()] == []


def test_readers_that_share_a_folder_keep_its_bound_together(tmp_path: Path):
    def fill(_: int) -> None:
        cache = FileCache(tmp_path, 8 * SIZE)
        for number in range(40):
            assert use(cache, number) == bytes([number]) * SIZE

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(fill, range(3)))
    assert len(kept(FileCache(tmp_path, 8 * SIZE))) <= 8
