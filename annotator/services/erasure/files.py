"""The files that an erasure removes or writes anew. Every step can be repeated after a kill."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from annotator.domain.schema import parse_schema
from annotator.domain.schema_text import format_schema
from annotator.errors import FacelabelError
from annotator.files import sync_folder, write_atomically
from annotator.project import ProjectFolder
from annotator.services.common.image_maps import remove_from_maps
from annotator.services.common.round_artifacts import round_of_folder
from annotator.services.erasure.round_files import erase_from_round
from annotator.services.erasure.scope import Scope
from annotator.services.erasure.texts import Words, json_text
from annotator.services.exporting.snapshots import remove_leftovers
from annotator.services.importing.scratch import remove_scratch
from annotator.store.folder import FolderStore
from annotator.text_encoding import decode_text

ForgetFeatures = Callable[[ProjectFolder], int]
"""Removes the features of images that the project no longer has; returns the number of records."""


def erase_files(
    project: ProjectFolder, scope: Scope, unfinished: Iterable[int], forget_features: ForgetFeatures
) -> dict[str, int]:
    """Remove from the project's folder what a scope names; return how many files or rows went, by kind.

    Args:
        project: the project.
        scope: what is erased; its rows in the database are gone.
        unfinished: the numbers of rounds that are not done, which start anew.
        forget_features: removes the features from the trainer's cache.
    """
    words = Words((*scope.names, *scope.hashes))
    counts: Counter[str] = Counter()
    for sha256 in scope.sha256:
        counts["images"] += project.stores.images.delete(sha256)
        counts["views"] += project.stores.views.delete(sha256)
        counts["tiles"] += FolderStore(project.cache / "tiles").delete(sha256)
    for sha256 in scope.photos:
        counts["photos"] += project.stores.photos.delete(sha256)
    remove_scratch(project)
    for exports in (project.snapshots, project.exports):
        remove_leftovers(exports)
    if scope.ids:
        counts["features"] += forget_features(project)
        counts["maps"] += remove_from_maps(project, list(scope.ids))
    for folder in sorted(project.rounds.glob("*")):
        if folder.is_dir():
            is_unfinished = round_of_folder(folder) in set(unfinished)
            counts += erase_from_round(folder, scope.erased, words, restart=is_unfinished)
    counts["reports of imports"] += _erase_from_reports(project.imports, words)
    _erase_examples(project, scope)
    return dict(+counts)


def _erase_from_reports(imports: Path, words: Words) -> int:
    """Erase names from the reports, mappings and logs of imports; return the number of changed files."""
    changed = 0
    for file in sorted(path for path in imports.glob("*") if path.is_file()):
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        if not words.are_in(text):
            continue
        try:
            content = json_text(words.erased_from_json(json.loads(text)), 1)
        except ValueError:
            content = words.erased_from(text).encode(errors="surrogateescape")
        write_atomically(file, content)
        changed += 1
    return changed


def _erase_examples(project: ProjectFolder, scope: Scope) -> None:
    """Remove the images from the examples of the guidelines in attributes.toml."""
    file = project.schema_file
    if not scope.ids or not file.is_file():
        return
    try:
        text = decode_text(file.read_bytes())
        schema = parse_schema(text)
    except (FacelabelError, UnicodeDecodeError):
        return  # a person is editing it
    shown = set(scope.names)
    attributes = tuple(
        replace(a, examples=tuple(e for e in a.examples if e.image not in shown)) for a in schema.attributes
    )
    if attributes != schema.attributes:
        write_atomically(file, format_schema(replace(schema, attributes=attributes), text).encode())


def remove_tree(folder: Path) -> None:
    """Remove a folder durably; an absent one is fine."""
    if folder.exists():
        shutil.rmtree(folder)
        sync_folder(folder.parent)
