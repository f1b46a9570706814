"""What a process remembers about a project: shared by threads, bounded, separate for each project."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, ProjectCache, project_cache

WORDS = CacheKind[int, list[str]](size=2)
OTHER_WORDS = CacheKind[int, list[str]](size=2)


def test_a_value_is_computed_once_and_kinds_are_separate():
    cache = ProjectCache()
    first = cache.get_or_compute(WORDS, 1, lambda: ["one"])
    assert cache.get_or_compute(WORDS, 1, lambda: ["another"]) is first
    assert cache.get(OTHER_WORDS, 1) is None


def test_an_empty_value_is_remembered_too():
    cache = ProjectCache()
    assert cache.get_or_compute(WORDS, 1, list) is cache.get_or_compute(WORDS, 1, list)


def test_the_value_that_was_used_least_recently_is_dropped():
    cache = ProjectCache()
    cache.put(WORDS, 1, ["one"])
    cache.put(WORDS, 2, ["two"])
    cache.get(WORDS, 1)
    cache.put(WORDS, 3, ["three"])
    assert [cache.get(WORDS, key) for key in (1, 2, 3)] == [["one"], None, ["three"]]


def test_a_cleared_kind_is_forgotten_and_the_others_are_kept():
    cache = ProjectCache()
    cache.put(WORDS, 1, ["one"])
    cache.put(OTHER_WORDS, 1, ["other"])
    cache.clear(WORDS)
    assert (cache.get(WORDS, 1), cache.get(OTHER_WORDS, 1)) == (None, ["other"])


def test_threads_that_compute_a_value_together_share_it():
    cache, together = ProjectCache(), Barrier(4)

    def compute() -> list[str]:
        together.wait(60)
        return []

    with ThreadPoolExecutor(4) as threads:
        values = [threads.submit(cache.get_or_compute, WORDS, 1, compute) for _ in range(4)]
    assert len({id(value.result()) for value in values}) == 1


def test_all_sessions_of_a_project_share_a_cache_and_projects_do_not(project: ProjectFolder, tmp_path: Path):
    other = ProjectFolder(tmp_path / "other")
    with project.database.read() as reading:
        cache = project_cache(reading)
    with project.database.write() as writing:
        assert project_cache(writing) is cache
    assert cache is project.database.cache
    assert cache is not other.database.cache
