"""Faces: answered rightly, wrongly, with most doubt, and against what a sure model says."""

import numpy as np
from numpy.typing import NDArray

from trainer.answers import Answers
from trainer.errors import ImageError
from trainer.images import load_image
from trainer.reports.page import picture, text
from trainer.snapshot import Attribute, Snapshot

SHOWN, SIDE = 12, 128


def galleries(snapshot: Snapshot, answers: Answers) -> str:
    """Return the galleries of every attribute, from labelled images of the test split, or of val without them."""
    parts = []
    for attribute in snapshot.categorical:
        p = answers.probabilities.get(attribute.name)
        if p is None:
            continue
        labels = snapshot.labels[attribute.name]
        rows = _rows(snapshot, labels)
        found = "".join(
            f"<h3>{text(attribute.name)}: {title}</h3>"
            f'<div class="gallery">{"".join(_face(snapshot, attribute, p, row) for row in chosen)}</div>'
            for title, chosen in choose(p, labels, rows).items()
            if len(chosen)
        )
        parts.append(f"<details><summary>{text(attribute.name)}</summary>{found}</details>")
    return "".join(parts)


def choose(
    p: NDArray[np.floating], labels: NDArray[np.int64], rows: NDArray[np.intp]
) -> dict[str, NDArray[np.intp]]:
    """Return title → rows: a fixed draw of right answers, the doubtful, and the wrong ones, the surest first.

    Args:
        p: (images, classes).
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


def _rows(snapshot: Snapshot, labels: NDArray[np.int64]) -> NDArray[np.intp]:
    test = np.flatnonzero((snapshot.splits == "test") & (labels >= 0))
    return test if len(test) else np.flatnonzero((snapshot.splits == "val") & (labels >= 0))


def _face(snapshot: Snapshot, attribute: Attribute, p: NDArray[np.floating], row: int) -> str:
    name = snapshot.image_names[row]
    answer = int(p[row].argmax())
    truth = attribute.values[snapshot.labels[attribute.name][row]].name
    words = f"{attribute.values[answer].name} {p[row, answer]:.2f}; is {truth}"
    try:
        pixels = load_image(snapshot.image_path(row), SIDE).permute(1, 2, 0).numpy()
        shown = picture(pixels, alt=f"{name}: {words}")
    except ImageError:
        shown = '<p class="dim">the file is not there</p>'
    return f"<figure>{shown}<figcaption>{text(words)}<br>{text(name)}</figcaption></figure>"
