"""Errors of the trainer, written for the person who runs it.

```
TrainerError
├── SnapshotError      the snapshot folder is incomplete, was changed or has another version
├── ImageError         an image is missing, cannot be decoded or is too large
├── WeightsError       the weights of a pretrained backbone are not available
├── ModelError         a model folder or checkpoint is incomplete or belongs to another schema
├── PredictionsError   a predictions folder is incomplete, was changed or has another version
└── ChoiceError        an engine, strategy or network of that name does not exist
```
"""


class TrainerError(Exception):
    """A failure that the person can do something about.

    Args:
        what: What happened.
        kept: What is unchanged or was saved.
        do: What to do now.
    """

    def __init__(self, what: str, kept: str, do: str) -> None:
        super().__init__(what, kept, do)
        self.what = what
        self.kept = kept
        self.do = do

    def __str__(self) -> str:
        return f"{self.what} {self.kept} {self.do}"


class SnapshotError(TrainerError):
    """The snapshot folder is incomplete, was changed or has another version."""


class ImageError(TrainerError):
    """An image is missing, cannot be decoded or is too large."""


class WeightsError(TrainerError):
    """The weights of a pretrained backbone are not available."""


class ModelError(TrainerError):
    """A model folder or checkpoint is incomplete or belongs to another schema."""


class PredictionsError(TrainerError):
    """A predictions folder is incomplete, was changed or has another version."""


class ChoiceError(TrainerError):
    """An engine, strategy or network of that name does not exist."""
