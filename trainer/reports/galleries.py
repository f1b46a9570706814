"""Choose the faces of a report: correct, wrong and uncertain predictions, and the hard cases over all attributes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainer.data.images import load_view
from trainer.data.snapshot import Attribute, Snapshot
from trainer.evaluation.outputs import Answers
from trainer.reports.pictures import Picture, picture
from trainer.runtime.errors import ImageError
from trainer.views import WHOLE, View

SHOWN, SIDE = 12, 128
SMALLEST = 1e-6
Chosen = Mapping[str, NDArray[np.intp]]
"""Key of a gallery in `HEADINGS` → rows of the snapshot."""
HEADINGS = {
    "right": "Correct, a random sample",
    "most uncertain": "Most uncertain",
    "wrong, the surest first": "Wrong, most confident first",
}
"""Key of a gallery in `figures/faces.json` → its heading on the page."""


@dataclass(frozen=True)
class Face:
    """An image of a gallery: its pixels (None if the file is missing), what is said about it, and its file name."""

    picture: Picture | None
    lines: Sequence[str]
    name: str


@dataclass(frozen=True)
class Gallery:
    """The faces of an attribute below the heading of each gallery."""

    attribute: str
    parts: Sequence[tuple[str, Sequence[Face]]]


def gallery_rows(snapshot: Snapshot, answers: Answers) -> dict[str, Chosen]:
    """Return attribute → its galleries, of labelled images of the test split, or of val without them."""
    chosen: dict[str, Chosen] = {}
    for attribute in snapshot.categorical:
        p, labels = answers.probabilities.get(attribute.name), snapshot.labels[attribute.name]
        if p is not None:
            chosen[attribute.name] = choose(p, labels, shown_rows(snapshot, labels >= 0))
    return chosen


def galleries(snapshot: Snapshot, answers: Answers, chosen: Mapping[str, Chosen]) -> Iterable[Gallery]:
    """Return the galleries of `gallery_rows`, attribute by attribute; the faces are the views that the answers rest on."""
    attributes = {attribute.name: attribute for attribute in snapshot.categorical}
    for name, keys in chosen.items():
        p, view = answers.probabilities[name], answers.views.get(name, WHOLE)
        parts = [
            (
                HEADINGS[key],
                [_face(snapshot, row, [_words(snapshot, attributes[name], p, row)], view) for row in rows],
            )
            for key, rows in keys.items()
            if len(rows)
        ]
        yield Gallery(name, parts)


def hard_rows(snapshot: Snapshot, answers: Answers) -> NDArray[np.intp]:
    """Return the images that the model is most wrong about, hardest first, of the test split, or of val without it.

    The hardness of an image is the sum of -log p(true class) over its labelled attributes. An image without a wrong
    prediction is not hard.
    """
    surprise, wrong = np.zeros(len(snapshot)), np.zeros(len(snapshot), dtype=bool)
    labelled = np.zeros(len(snapshot), dtype=bool)
    for name, p in answers.probabilities.items():
        labels = snapshot.labels[name]
        known = np.flatnonzero(labels >= 0)
        right = p[known, labels[known]].astype(np.float64)
        surprise[known] -= np.log(np.maximum(right, SMALLEST))
        wrong[known] |= p[known].argmax(axis=1) != labels[known]
        labelled[known] = True
    rows = shown_rows(snapshot, labelled)
    rows = rows[wrong[rows]]
    return rows[np.argsort(-surprise[rows], kind="stable")][:SHOWN]


def hard_cases(snapshot: Snapshot, answers: Answers, rows: NDArray[np.intp]) -> list[Face]:
    """Return the faces of `hard_rows`, each with every wrong prediction."""

    def lines(row: int) -> list[str]:
        return [
            f"{a.name}: {_words(snapshot, a, p, row)}"
            for a in snapshot.categorical
            if (p := answers.probabilities.get(a.name)) is not None
            and (label := snapshot.labels[a.name][row]) >= 0
            and p[row].argmax() != label
        ]

    view = next(iter(answers.views.values()), WHOLE)
    return [_face(snapshot, int(row), lines(int(row)), view) for row in rows]


def choose(
    p: NDArray[np.floating], labels: NDArray[np.int64], rows: NDArray[np.intp]
) -> dict[str, NDArray[np.intp]]:
    """Return key → rows: a fixed sample of correct predictions, the uncertain ones, and the wrong ones, most confident first.

    Args:
        p: (images, classes) probabilities.
        labels: (images,) class indices.
        rows: Labelled images to choose from.
    """
    ordered = np.sort(p[rows], axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    right = p[rows].argmax(axis=1) == labels[rows]
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(right))[:SHOWN]
    wrong = np.flatnonzero(~right)
    return {
        "right": rows[np.sort(drawn)],
        "most uncertain": rows[np.argsort(margin, kind="stable")[:SHOWN]],
        "wrong, the surest first": rows[wrong[np.argsort(-margin[wrong], kind="stable")][:SHOWN]],
    }


def shown_rows(snapshot: Snapshot, known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the known images of the test split, or of val without them."""
    test = np.flatnonzero((snapshot.splits == "test") & known)
    return test if len(test) else np.flatnonzero((snapshot.splits == "val") & known)


def _words(snapshot: Snapshot, attribute: Attribute, p: NDArray[np.floating], row: int) -> str:
    """The predicted value with its probability, and the true value if it is another one."""
    predicted = int(p[row].argmax())
    label = int(snapshot.labels[attribute.name][row])
    words = f"{attribute.values[predicted].name} {p[row, predicted]:.2f}"
    return words if predicted == label else f"{words}, is {attribute.values[label].name}"


def _face(snapshot: Snapshot, row: int, lines: Sequence[str], view: View) -> Face:
    name, shown = snapshot.image_names[row], replace(view, side=SIDE)
    try:
        pixels = load_view(snapshot.image_path(row), snapshot.landmarks[row], shown)
    except ImageError:
        return Face(None, lines, name)
    return Face(picture(pixels.permute(1, 2, 0).numpy(), alt=f"{name}: {'; '.join(lines)}"), lines, name)
