"""Why a value is suggested for an image: what the trainer finds out about the model's answer, and what the project knows."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.errors import Conflict, NotFound
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED
from annotator.services.predictions.active import ActivePredictions, active_predictions, round_in_use
from annotator.services.review.details import get_image
from annotator.services.review.explainer import Explainer, Findings, Question
from annotator.services.schema.active import active_schema
from annotator.services.tasks.visibility import asked_of_several, is_blind
from annotator.services.tasks.withholding import is_withheld

SHOWN = 3
"""The number of similar faces that are shown."""


@dataclass(frozen=True)
class SimilarImage:
    """A labelled image that looks similar; the label is that of the snapshot that the model learned from."""

    image: Image
    code: int
    name: str
    similarity: float


@dataclass(frozen=True)
class SuggestionReasons:
    """Why a value is suggested.

    Args:
        ready: whether the trainer has answered; the rest of it is empty until then.
        code: the suggested value.
        name: its name.
        probability: the model's.
        others: name and probability of the other values, most probable first.
        round: the round that suggests; None: the predictions were imported.
        pictures: view → the picture with the heat map, as a data URI.
        pictures_missing: why there is none.
        similar: similar labelled images, most similar first.
        similar_missing: why there is none.
    """

    ready: bool
    code: int
    name: str
    probability: float
    others: list[tuple[str, float]]
    round: int | None
    pictures: dict[str, str]
    pictures_missing: str
    similar: list[SimilarImage]
    similar_missing: str


def read_reasons(
    project: ProjectFolder,
    session: Session,
    explainer: Explainer,
    image_id: int,
    attribute: str,
    labeller_id: int,
) -> SuggestionReasons:
    """Say to a labeller why a value is suggested. Until the trainer has answered, the answer is not ready: ask again.

    Raises:
        NotFound: if there is no such image or attribute.
        Conflict: if nothing is suggested, or the image is labelled without suggestions.
    """
    image, active = get_image(session, image_id), active_schema(session)
    if attribute not in active.ids:
        raise NotFound(
            "unknown_attribute", f"There is no attribute {attribute!r}.", do="Ask for one of the schema."
        )
    predictions = active_predictions(project, session, active.hash)
    if is_blind(session, image) or is_withheld(session, labeller_id, image):
        raise _nothing_suggested(
            "This image is labelled without suggestions, so that answers are independent."
        )
    suggestions = predictions.suggestions(image.name, image.sha256) if predictions else {}
    suggestion = suggestions.get(attribute)
    if predictions is None or suggestion is None:
        raise _nothing_suggested("No model suggests a value for this attribute of this image yet.")
    names = {value.code: value.name for value in active.schema[attribute].values}
    number = _suggesting_round(predictions, image, attribute, round_in_use(session, active.hash))
    question = _question(project, number, image, attribute, suggestion.code)
    findings = Findings({}, question, [], question) if isinstance(question, str) else explainer.ask(question)
    ready, findings = findings is not None, findings or Findings({}, "", [], "")
    similar, missing = _similar(session, findings, names)
    return SuggestionReasons(
        ready=ready,
        code=suggestion.code,
        name=names.get(suggestion.code, str(suggestion.code)),
        probability=suggestion.probability,
        others=[(names.get(code, str(code)), probability) for code, probability in suggestion.others],
        round=number,
        pictures=findings.pictures,
        pictures_missing=findings.pictures_missing,
        similar=similar,
        similar_missing=missing,
    )


def _nothing_suggested(what: str) -> Conflict:
    return Conflict("nothing_suggested", what, do="Answer from the image.")


def _suggesting_round(
    predictions: ActivePredictions, image: Image, attribute: str, in_use: int | None
) -> int | None:
    """The round whose model suggests: the attribute's source, unless the image is newer than it."""
    source = predictions.sources.get(attribute)
    if source is not None and attribute in source.file.suggestions(image.name, image.sha256):
        return source.round
    return in_use


def _question(
    project: ProjectFolder, number: int | None, image: Image, attribute: str, code: int
) -> Question | str:
    """The question for the trainer, or why it cannot be asked."""
    if number is None:
        return "The predictions were imported, so the project has no model that could be asked."
    if find_spec("torch") is None:
        return "Explanations need the trainer, which is not installed: call `pip install 'facelabel[train]'`."
    folder = project.round_folder(number)
    model, snapshot = folder / "run" / "model", folder / "snapshot"
    if not (model / "model.json").exists() or not (snapshot / "manifest.json").exists():
        return f"The model of round {number} is no longer in the project."
    return Question(str(model), str(snapshot), image.sha256, attribute, code)


def _similar(session: Session, findings: Findings, names: dict[int, str]) -> tuple[list[SimilarImage], str]:
    """The similar images that the project still has and that nobody is asked about again, and why there are none."""
    hashes = [sha256 for sha256, _, _ in findings.similar]
    images = {
        image.sha256: image
        for image in session.scalars(
            select(Image).where(Image.sha256.in_(hashes), COUNTED, ~asked_of_several(session))
        )
    }
    similar = [
        SimilarImage(images[sha256], code, names.get(code, str(code)), similarity)
        for sha256, code, similarity in findings.similar
        if sha256 in images
    ][:SHOWN]
    if hashes and not similar:
        return (
            [],
            "The similar labelled images are no longer in the project, or others are still asked about them.",
        )
    return similar, findings.similar_missing
