"""The settings of a fine-tuning run, each with its meaning: one typed object, which the command line and a file give alike."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

HeadKind = Literal["linear", "hidden", "branch", "probe"]
Mode = Literal["network", "rescale", "samplewise", "samplewise_rescale", "imagenet"]
Loss = Literal["cross_entropy", "adjusted", "binary", "multi_label", "focal"]
OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop"]
Schedule = Literal["constant", "cosine", "step", "one_cycle"]
Monitor = Literal["balanced_accuracy", "accuracy", "loss"]
Precision = Literal["auto", "float32", "bfloat16"]

EXECUTION = {"cache_megabytes", "workers", "checkpoint_steps", "threads", "tensorboard", "keep_top"}
"""Settings that change how fast a run is and what it leaves, not what it computes (threads: but for rounding)."""
ALL_STAGES = -1


class FitConfig(BaseModel):
    """Every setting of `trainer.finetune.run.fit`. The same settings, snapshot and machine give the same weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attributes: tuple[str, ...] = Field((), description="Attributes to learn; none named: all that can be.")
    seed: int = Field(0, ge=0, description="Of heads, order of the images, augmentation and dropout.")

    network: str = Field("efficientnet_lite0", description="Name of the backbone: see the command `models`.")
    pretrained: bool = Field(True, description="Start from the published weights instead of random ones.")
    weights: Path | None = Field(
        None, description="File of the published weights, if it is not to be fetched."
    )
    head: HeadKind = Field(
        "linear",
        description="What answers an attribute: one layer, a hidden one before it, convolutions, or one layer on standardised "
        "features that starts from a probe.",
    )
    hidden: int = Field(200, ge=1, description="Size of the hidden layer of heads of that kind.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Share of features left out before the heads.")
    frozen_stages: int = Field(
        0, ge=ALL_STAGES, description="Leading stages of the backbone that are not trained; -1 for all."
    )
    head_epochs: int = Field(0, ge=0, description="First epochs, in which the heads alone are trained.")
    batch_norm: Literal["frozen", "trained"] = Field(
        "frozen",
        description="Keep the published means and variances, or go on measuring them batch by batch.",
    )

    image_size: int = Field(128, ge=32, le=1024, description="Side in pixels that images are resized to.")
    crop: float = Field(1.0, gt=0, le=1, description="Share of the sides that is kept, around the middle.")
    preprocess: Mode = Field("network", description="How pixels are scaled.")
    blur: float = Field(0.0, ge=0, description="Gaussian blur of every image, its deviation in pixels.")

    flip: float = Field(0.5, ge=0, le=1, description="Share of train images that are mirrored.")
    rotation: float = Field(8.0, ge=0, le=180, description="Largest rotation in degrees.")
    shift: float = Field(0.05, ge=0, lt=1, description="Largest shift as a share of the side.")
    zoom: float = Field(0.1, ge=0, lt=1, description="Largest zoom in or out as a share of the side.")
    shear: float = Field(0.0, ge=0, lt=90, description="Largest shear in degrees.")
    fill: Literal["gray", "edge"] = Field("gray", description="What comes in from outside of the image.")
    jitter: float = Field(0.15, ge=0, lt=1, description="Largest change of brightness, contrast, saturation.")
    blur_chance: float = Field(
        0.0, ge=0, le=1, description="Share of train images that are blurred a little."
    )
    random_crop: float = Field(
        0.0, ge=0, le=1, description="Smallest area of a random part that is resized; 0 for the whole image."
    )

    loss: Loss = Field(
        "cross_entropy",
        description="What is minimised; adjusted: cross-entropy with the log of the class shares added to the logits.",
    )
    focal_gamma: float = Field(
        2.0, ge=0, description="How much the focal loss forgets what is right already."
    )
    class_power: float = Field(0.5, ge=0, le=1, description="Class weights are frequency ** -class_power.")
    resample_power: float = Field(
        0.0, ge=0, le=1, description="Images are drawn by their classes' frequency ** -resample_power."
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Share of the answer given to all classes.")

    optimizer: OptimizerName = Field("adamw", description="The rule by which weights move.")
    learning_rate: float = Field(5e-4, gt=0, description="Highest learning rate of the backbone.")
    head_learning_rate: float = Field(2e-3, gt=0, description="Highest learning rate of the heads.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Of sgd and rmsprop.")
    weight_decay: float = Field(0.02, ge=0, description="Norms and biases are spared.")
    gradient_clip: float = Field(5.0, gt=0, description="Largest norm of the gradient of a step.")
    schedule: Schedule = Field("cosine", description="The learning rate over time, after the warm-up.")
    warmup_epochs: float = Field(1.0, ge=0, description="Epochs until the highest learning rate.")
    step_epochs: int = Field(5, ge=1, description="Epochs after which the schedule `step` lowers the rate.")
    step_factor: float = Field(0.1, gt=0, lt=1, description="By which the schedule `step` lowers the rate.")
    ema_decay: float = Field(0.99, ge=0, lt=1, description="Of the running mean of the weights; 0 for none.")
    start_share: float = Field(
        0.0, ge=0, lt=1, description="Share of the weights of the start in those that are validated and kept."
    )
    precision: Precision = Field(
        "float32", description="Of the arithmetic; auto: measured at the start of the run."
    )

    epochs: int = Field(10, ge=1, description="Passes over the train split.")
    batch_size: int = Field(32, ge=2, description="Images per step.")
    monitor: Monitor = Field("balanced_accuracy", description="Figure on the val split that is to be best.")
    patience: int = Field(5, ge=1, description="Epochs without a better figure before stopping.")
    keep_top: int = Field(1, ge=1, description="How many of the best epochs' weights are kept.")

    cache_megabytes: int = Field(
        1024, ge=0, description="Keep decoded images in memory if they fit into this."
    )
    workers: int | None = Field(
        None,
        ge=0,
        description="Processes that prepare images; 0: the training process itself; none given: 0 where the processor trains, "
        "whose cores are all at work, else as many as cores are left, up to 4.",
    )
    checkpoint_steps: int = Field(500, ge=1, description="Steps between checkpoints within a long epoch.")
    threads: int = Field(0, ge=0, description="Threads for the arithmetic; 0: as many as torch finds.")
    tensorboard: bool = Field(False, description="Write the figures for TensorBoard too.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.batch_norm == "frozen" and not self.pretrained:
            raise ValueError("batch_norm 'frozen' needs the published statistics: set it to 'trained'")
        if self.frozen_stages == ALL_STAGES and not self.pretrained:
            raise ValueError("a backbone of random weights cannot be wholly frozen: set frozen_stages to 0")
        if self.loss == "adjusted" and self.resample_power:
            raise ValueError("the loss 'adjusted' makes up for rare classes: set resample_power to 0")
        return self

    def identity(self) -> dict[str, Any]:
        """Return the settings that the result depends on: a run may be resumed if they are the same."""
        return self.model_dump(mode="json", exclude=EXECUTION)
