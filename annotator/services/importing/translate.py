"""Translating the labels of a source that was read into the active schema, and proposing a mapping for the rest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from annotator.domain.schema import Schema
from annotator.formats.importers.base import SourceContents
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.translate import Translation, propose, translate_answers
from annotator.formats.tables import table
from annotator.formats.tools import class_folders
from annotator.services.importing.read import ReadSource


def translate_source(read: ReadSource, schema: Schema, mapping: Mapping) -> Translation:
    """Translate the labels of a source.

    Raises:
        FacelabelError: if a table has a cell that the schema does not know, or the mapping does not fit the schema.
    """
    if read.table is not None:
        return table.read_table(read.table, schema, mapping)
    return translate_answers(read.contents, schema, mapping)


def propose_translation(
    read: ReadSource, schema: Schema, mapping: Mapping | None = None
) -> tuple[Mapping, Counter[str]]:
    """Guess a mapping from the names in a source; also returns how often each name occurs.

    A column of a table that can be read in two ways stands in the mapping's `readings`, with both of them.
    """
    if read.table is not None:
        return table.propose_for_table(read.table, schema, mapping or Mapping())
    return propose(read.contents if read.folder is None else _of_folders(read.folder), schema)


def folder_notes(read: ReadSource, schema: Schema) -> list[str]:
    """Say of a folder of images that its folders are named like values, and that no labels come of them unasked."""
    if read.folder is None:
        return []
    mapping, _ = propose(_of_folders(read.folder), schema)
    trees: dict[str, list[str]] = {}
    for tree, (attribute, values) in mapping.columns.items():
        if attribute and len(values) > 1:
            trees.setdefault(attribute, []).append(f"{tree}/")
    return [
        f"The folders in {', '.join(named)} are named like values of {attribute}. They become labels only if you say so: on "
        "the import page, or by --map with a mapping that `--dry-run --map-out FILE` proposes."
        for attribute, named in trees.items()
    ]


def _of_folders(folder: Path) -> SourceContents:
    return SourceContents(answers=class_folders.folder_answers(folder))
