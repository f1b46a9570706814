"""The API of the label page's question why a value is suggested."""

from __future__ import annotations

from flask import Blueprint
from pydantic import BaseModel, Field

from annotator.services.people.directory import face_cards
from annotator.services.review.reasons import read_reasons
from annotator.web.http.context import context, labeller_id
from annotator.web.http.contracts import answers, spec
from annotator.web.http.media import media_url, thumbnail_url

reasons_api = Blueprint("reasons_api", __name__, url_prefix="/api/v1/images")


class SimilarImageOut(BaseModel):
    """A labelled image that looks similar; `label`: the value that the model learned; `similarity`: at most 1."""

    id: int
    name: str
    image_url: str
    thumbnail_url: str | None
    label: str
    similarity: float


class ReasonsOut(BaseModel):
    """Why a value is suggested. Not `ready`: the trainer is still looking at the image; ask again in a moment."""

    ready: bool
    code: int
    name: str
    probability: float
    others: list[tuple[str, float]] = Field(description="The other values, most probable first.")
    round: int | None = Field(description="The round that suggests; null: the predictions were imported.")
    pictures: dict[str, str] = Field(description="View → the picture with the heat map, as a data URI.")
    pictures_missing: str = Field(description="Why there is none; empty if there is one.")
    similar: list[SimilarImageOut]
    similar_missing: str


@reasons_api.get("/<int:number>/reasons/<attribute>")
@spec.validate(resp=answers(HTTP_200=ReasonsOut, problems=(404, 409)), tags=["label"])
def show_reasons(number: int, attribute: str) -> ReasonsOut:
    """Why the model suggests the value of an attribute: a heat map of the image, and similar labelled images."""
    served = context()
    with served.project.database.read() as session:
        reasons = read_reasons(served.project, session, served.explainer, number, attribute, labeller_id())
        cards = face_cards(session, [face.image.id for face in reasons.similar])
        return ReasonsOut(
            ready=reasons.ready,
            code=reasons.code,
            name=reasons.name,
            probability=reasons.probability,
            others=reasons.others,
            round=reasons.round,
            pictures=reasons.pictures,
            pictures_missing=reasons.pictures_missing,
            similar=[
                SimilarImageOut(
                    id=face.image.id,
                    name=face.image.name,
                    image_url=media_url(face.image.sha256),
                    thumbnail_url=thumbnail_url(face.image.sha256, cards[face.image.id].thumbnail),
                    label=face.name,
                    similarity=face.similarity,
                )
                for face in reasons.similar
            ],
            similar_missing=reasons.similar_missing,
        )
