"""What can go wrong in the trainer, as sentences for the person in front of it.

```
TrainerError
├── SnapshotError      the snapshot folder is not whole, was changed or is of another version
├── ImageError         an image is missing, cannot be decoded or is too large
├── WeightsError       the weights of a pretrained backbone cannot be had
├── ModelError         a model folder or checkpoint is not whole or belongs to another schema
├── PredictionsError   a predictions folder is not whole, was changed or is of another version
└── ChoiceError        an engine, strategy or network of that name does not exist
```
"""


class TrainerError(Exception):
    """A failure that the person can act on.

    Args:
        what: What happened.
        kept: What is left untouched or was saved.
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
    """The snapshot folder is not whole, was changed or is of another version."""


class ImageError(TrainerError):
    """An image is missing, cannot be decoded or is too large."""


class WeightsError(TrainerError):
    """The weights of a pretrained backbone cannot be had."""


class ModelError(TrainerError):
    """A model folder or checkpoint is not whole or belongs to another schema."""


class PredictionsError(TrainerError):
    """A predictions folder is not whole, was changed or is of another version."""


class ChoiceError(TrainerError):
    """An engine, strategy or network of that name does not exist."""
