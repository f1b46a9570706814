"""The settings of a fine-tuning run, each with its meaning; they are saved as JSON beside the run."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

EXECUTION = {"cache_megabytes", "workers", "checkpoint_steps", "threads"}
"""Settings that change how fast a run is and not what it computes (threads: but for rounding)."""


class FitConfig(BaseModel):
    """Every setting of `trainer.fit.fit`. The same settings, snapshot and machine give the same weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str = Field(
        "efficientnet_lite0", description="Name of the backbone in the registry of networks."
    )
    pretrained: bool = Field(True, description="Start from the published weights instead of random ones.")
    seed: int = Field(0, ge=0, description="Of heads, order of the images, augmentation and dropout.")

    image_size: int = Field(128, ge=32, le=1024, description="Side in pixels that images are resized to.")
    epochs: int = Field(10, ge=1, description="Passes over the train split.")
    batch_size: int = Field(32, ge=2, description="Images per step.")
    patience: int = Field(5, ge=1, description="Epochs without a better validation score before stopping.")

    learning_rate: float = Field(5e-4, gt=0, description="Highest learning rate of the backbone.")
    head_learning_rate: float = Field(2e-3, gt=0, description="Highest learning rate of the heads.")
    warmup_epochs: float = Field(
        1.0, ge=0, description="Epochs until the highest learning rate; cosine after it."
    )
    weight_decay: float = Field(0.02, ge=0, description="Of AdamW; norms and biases are spared.")
    gradient_clip: float = Field(5.0, gt=0, description="Largest norm of the gradient of a step.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Share of features left out before the heads.")
    class_power: float = Field(0.5, ge=0, le=1, description="Class weights are frequency ** -class_power.")
    ema_decay: float = Field(0.99, ge=0, lt=1, description="Of the running mean of the weights; 0 for none.")
    frozen_stages: int = Field(0, ge=0, description="Leading stages of the backbone that are not trained.")
    batch_norm: Literal["frozen", "trained"] = Field(
        "frozen",
        description="Keep the published means and variances, or go on measuring them batch by batch.",
    )

    flip: float = Field(0.5, ge=0, le=1, description="Share of train images that are mirrored.")
    rotation: float = Field(8.0, ge=0, le=180, description="Largest rotation in degrees.")
    shift: float = Field(0.05, ge=0, lt=1, description="Largest shift as a share of the side.")
    zoom: float = Field(0.1, ge=0, lt=1, description="Largest zoom in or out as a share of the side.")
    jitter: float = Field(0.15, ge=0, lt=1, description="Largest change of brightness, contrast, saturation.")

    cache_megabytes: int = Field(
        1024, ge=0, description="Keep decoded images in memory if they fit into this."
    )
    workers: int = Field(
        1, ge=0, description="Processes that prepare images; 0: the training process itself."
    )
    checkpoint_steps: int = Field(500, ge=1, description="Steps between checkpoints within a long epoch.")
    threads: int = Field(0, ge=0, description="Threads for the arithmetic; 0: as many as torch finds.")

    @model_validator(mode="after")
    def _norms_need_statistics(self) -> Self:
        if self.batch_norm == "frozen" and not self.pretrained:
            raise ValueError("batch_norm 'frozen' needs the published statistics: set it to 'trained'")
        return self

    def identity(self) -> dict[str, Any]:
        """Return the settings that the result depends on: a run may be resumed if they are the same."""
        return self.model_dump(mode="json", exclude=EXECUTION)
