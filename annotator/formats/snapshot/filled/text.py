"""What a certificate says in words, for the dataset card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotator.domain.certificates.people import PeopleErrors
from annotator.domain.plurals import counted, percent
from annotator.domain.schema import Schema


def certificate_sentences(certificate: Mapping[str, Any], schema: Schema, images: int) -> str:
    """Say what a certificate promises of an attribute.

    Args:
        certificate: an entry of certificates.json.
        schema: the snapshot's schema.
        images: the number of its images.
    """
    target, outcome, name = certificate["target"], certificate["outcome"], certificate["attribute"]
    filled = sum(certificate["filled"].values())
    title = schema[name].title
    sample = sum(cells for *_, cells in certificate["basis"]["sample"])
    recall = target["recall"]
    promise = (
        f"with {percent(target['confidence'])} confidence, at most {percent(target['error'])} of all values of {name} are wrong, "
        f"of the filled ones at most {outcome['remaining']:,}"
    )
    if recall:
        promise += f", and at least {percent(recall)} of the images of each value are found"
    sentences = [
        f"{title}: {filled:,} of {counted(images, 'value was', 'values were')} filled by the model, unseen by a person.",
        f"A blind sample of {counted(sample, 'value', 'values')} decided it: {promise}.",
        f"The certificate is {certificate['name']} in certificates.json, and filled.csv lists the values.",
        _people(certificate["basis"]["allowance"], certificate.get("people"), target["error"]),
        "Filled values are no labels: do not train on them and do not measure a model on them.",
    ]
    return " ".join(sentences)


def _people(allowance: Mapping[str, Any], people: dict[str, Any] | None, error: float) -> str:
    if allowance["measured"]:
        return f"Up to {percent(allowance['people'])} wrong answers of people are allowed for."
    others = PeopleErrors.from_json(people).sentence(error) if people else _NOT_MEASURED
    if allowance["anchoring"]:
        return (
            f"Of the answers in sight of a suggestion, {percent(allowance['anchoring'])} count as wrong, because people follow "
            f"suggestions so often. {others.replace('Answers', 'Other answers', 1)}"
        )
    return others


_NOT_MEASURED = "Answers of people count as right, because their errors were not measured."
