"""The reasons for which an image is excluded from a dataset."""

from __future__ import annotations

from enum import StrEnum


class ExclusionReason(StrEnum):
    """Why an image shall not count, as the database and the API write it."""

    NO_FACE = "no_face"
    NOT_A_PERSON = "not_a_person"
    BAD_QUALITY = "bad_quality"
    DUPLICATE = "duplicate"
    ASKED_TO_BE_REMOVED = "asked_to_be_removed"
    OTHER = "other"

    @property
    def text(self) -> str:
        """The reason as pages and messages write it."""
        return self.replace("_", " ")
