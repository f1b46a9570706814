"""The lines of labels.csv."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from annotator.domain.schema import CANNOT_TELL, CANNOT_TELL_NAME, Attribute, Schema
from annotator.formats.snapshot.csv_text import csv_field, csv_line
from annotator.formats.snapshot.images import MISSING, Codes


class LabelLines:
    """Turns labels into lines of text.

    Args:
        schema: the schema.
        names: write the values' names instead of their codes.
    """

    def __init__(self, schema: Schema, *, names: bool) -> None:
        self._texts = {a.name: _texts(a, names) for a in schema.attributes}
        self._unlabelled = "," * len(self._texts) + "\n"

    def header(self) -> str:
        """Return the first line."""
        return csv_line(["image_name", *self._texts])

    def of(self, fields: Sequence[str], codes: Codes) -> str:
        """Return the lines of some images.

        Args:
            fields: the images' names as CSV fields (`csv_field`).
            codes: their labels, (images,) codes of each attribute.
        """
        lines = [field + self._unlabelled for field in fields]
        labelled = np.flatnonzero(np.any([codes[name] != MISSING for name in self._texts], axis=0))
        cells = [map(text.__getitem__, codes[name][labelled].tolist()) for name, text in self._texts.items()]
        for row, *texts in zip(labelled.tolist(), *cells, strict=True):
            lines[row] = f"{fields[row]},{','.join(texts)}\n"
        return "".join(lines)


class _Codes(dict[int, str]):
    """The text of a cell by code; an open attribute has too many codes to list them in advance."""

    def __missing__(self, code: int) -> str:
        self[code] = text = str(code)
        return text


def _texts(attribute: Attribute, names: bool) -> dict[int, str]:
    if names:
        values = {value.code: csv_field(value.name) for value in attribute.values}
        return {MISSING: "", CANNOT_TELL: CANNOT_TELL_NAME} | values
    return _Codes({MISSING: "", CANNOT_TELL: str(CANNOT_TELL)})
