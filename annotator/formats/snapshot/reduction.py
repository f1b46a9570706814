"""Reducing the predictions of an old round to the images on which rounds are measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from annotator.formats.snapshot.manifest import read_manifest
from annotator.formats.snapshot.removal import remove_rest, replaced_folder, seal_predictions


def reduce_predictions(folder: Path, image_names: Iterable[str]) -> None:
    """Write predictions anew with only some of their images, and without an order of work; the manifest says so (`pruned`).

    A reader sees the old folder or the new one. Predictions that were reduced before stay as they are.

    Args:
        folder: the predictions.
        image_names: the images to keep; names that the predictions do not have are ignored.

    Raises:
        FacelabelError: if the predictions are damaged.
        OSError: if the new ones cannot be written.
    """
    manifest = read_manifest(folder, "facelabel-predictions")
    if "pruned" in manifest:
        remove_rest(folder)  # a killed process may have left the old ones
        return
    with pa.memory_map(str(folder / "predictions.arrow")) as mapped:
        table = pa.ipc.open_file(mapped).read_all()
        names = pa.array(image_names, pa.string())
        kept = table.filter(pc.is_in(table["image_name"], value_set=names)).combine_chunks()
        place = kept.schema.get_field_index("order")
        kept = kept.set_column(place, "order", pa.nulls(kept.num_rows, pa.int32()))
        changes = {"pruned": {"rows": table.num_rows - kept.num_rows}}
        with replaced_folder(folder) as new:
            seal_predictions(new, kept, manifest | changes)
