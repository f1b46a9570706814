"""Faces: answered rightly, wrongly, with most doubt, and those that are hard in all that is asked."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from trainer.data.images import load_image
from trainer.data.snapshot import Attribute, Snapshot
from trainer.evaluation.outputs import Answers
from trainer.reports.page import picture, text
from trainer.runtime.errors import ImageError

SHOWN, SIDE = 12, 128
SMALLEST = 1e-6
Chosen = Mapping[str, NDArray[np.intp]]
"""Title → rows of the snapshot."""


def gallery_rows(snapshot: Snapshot, answers: Answers) -> dict[str, Chosen]:
    """Return attribute → its galleries, of labelled images of the test split, or of val without them."""
    found: dict[str, Chosen] = {}
    for attribute in snapshot.categorical:
        p, labels = answers.probabilities.get(attribute.name), snapshot.labels[attribute.name]
        if p is not None:
            found[attribute.name] = choose(p, labels, shown_rows(snapshot, labels >= 0))
    return found


def galleries(snapshot: Snapshot, answers: Answers, chosen: Mapping[str, Chosen]) -> str:
    """Return the galleries of `gallery_rows` as HTML, one attribute below the other."""
    attributes = {attribute.name: attribute for attribute in snapshot.categorical}
    parts = []
    for name, titles in chosen.items():
        p = answers.probabilities[name]
        found = "".join(
            f"<h4>{title}</h4>{_gallery(_face(snapshot, row, _answer(snapshot, attributes[name], p, row)) for row in rows)}"
            for title, rows in titles.items()
            if len(rows)
        )
        parts.append(f"<details open><summary>{text(name)}</summary>{found}</details>")
    return "".join(parts)


def hard_rows(snapshot: Snapshot, answers: Answers) -> NDArray[np.intp]:
    """Return the images that the model is most wrong about, the hardest first, of the test split, or of val without it.

    How hard an image is, is the sum of -log p(right answer) over its answered attributes; one without a wrong answer is not hard.
    """
    surprise, wrong = np.zeros(len(snapshot)), np.zeros(len(snapshot), dtype=bool)
    asked = np.zeros(len(snapshot), dtype=bool)
    for name, p in answers.probabilities.items():
        labels = snapshot.labels[name]
        known = np.flatnonzero(labels >= 0)
        right = p[known, labels[known]].astype(np.float64)
        surprise[known] -= np.log(np.maximum(right, SMALLEST))
        wrong[known] |= p[known].argmax(axis=1) != labels[known]
        asked[known] = True
    rows = shown_rows(snapshot, asked)
    rows = rows[wrong[rows]]
    return rows[np.argsort(-surprise[rows], kind="stable")][:SHOWN]


def hard_cases(snapshot: Snapshot, answers: Answers, rows: NDArray[np.intp]) -> str:
    """Return the images of `hard_rows` as HTML, each with all that was answered wrongly."""
    if not len(rows):
        return "<p>No labelled image was answered wrongly.</p>"

    def words(row: int) -> list[str]:
        return [
            f"{a.name}: {_answer(snapshot, a, p, row)}"
            for a in snapshot.categorical
            if (p := answers.probabilities.get(a.name)) is not None
            and (label := snapshot.labels[a.name][row]) >= 0
            and p[row].argmax() != label
        ]

    return _gallery(_face(snapshot, int(row), *words(int(row))) for row in rows)


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


def shown_rows(snapshot: Snapshot, known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The known images of the test split, or of val without them."""
    test = np.flatnonzero((snapshot.splits == "test") & known)
    return test if len(test) else np.flatnonzero((snapshot.splits == "val") & known)


def _gallery(faces: Iterable[str]) -> str:
    return f'<div class="gallery">{"".join(faces)}</div>'


def _answer(snapshot: Snapshot, attribute: Attribute, p: NDArray[np.floating], row: int) -> str:
    answer = int(p[row].argmax())
    label = int(snapshot.labels[attribute.name][row])
    said = f"{attribute.values[answer].name} {p[row, answer]:.2f}"
    return said if answer == label else f"{said}, is {attribute.values[label].name}"


def _face(snapshot: Snapshot, row: int, *words: str) -> str:
    name = snapshot.image_names[row]
    try:
        pixels = load_image(snapshot.image_path(row), SIDE).permute(1, 2, 0).numpy()
        shown = picture(pixels, alt=f"{name}: {'; '.join(words)}")
    except ImageError:
        shown = '<p class="dim">the file is not there</p>'
    lines = "<br>".join(map(text, words))
    return (
        f'<figure>{shown}<figcaption>{lines}<br><span class="dim">{text(name)}</span></figcaption></figure>'
    )
