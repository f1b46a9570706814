"""The settings of a fine-tuning run: one typed object for the command line and the settings file."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer.views import BY_NAME, View

HeadKind = Literal["linear", "hidden", "branch", "probe"]
Mode = Literal["network", "rescale", "samplewise", "samplewise_rescale", "imagenet"]
Loss = Literal["cross_entropy", "adjusted", "binary", "multi_label", "focal"]
OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop"]
Schedule = Literal["constant", "cosine", "step", "one_cycle"]
Monitor = Literal["balanced_accuracy", "accuracy", "loss"]
ViewName = Literal["whole", "head", "face"]
Precision = Literal["auto", "float32", "bfloat16"]

EXECUTION = {"cache_megabytes", "workers", "checkpoint_steps", "threads", "tensorboard", "keep_top"}
"""Settings that change the speed of a run and what it leaves behind, but not its result (`threads`: except for rounding)."""
ALL_STAGES = -1


class FitConfig(BaseModel):
    """Every setting of `trainer.finetune.run.fit`. The same settings, snapshot and machine give the same weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attributes: tuple[str, ...] = Field(
        (), description="Attributes to learn. Default: all that can be learned."
    )
    seed: int = Field(0, ge=0, description="Seed of heads, image order, augmentation and dropout.")

    network: str = Field(
        "efficientnet_lite0", description="Name of the backbone; the command `models` lists them."
    )
    pretrained: bool = Field(True, description="Start from the published weights instead of random ones.")
    weights: Path | None = Field(
        None, description="File with the published weights. Default: found on this machine or downloaded."
    )
    head: HeadKind = Field(
        "linear",
        description="Head of an attribute: one layer, a hidden layer before it, convolutions, or one layer on standardised "
        "features that starts from a probe.",
    )
    hidden: int = Field(200, ge=1, description="Size of the hidden layer of the head `hidden`.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Proportion of features dropped before the heads.")
    frozen_stages: int = Field(
        0, ge=ALL_STAGES, description="Leading stages of the backbone that are not trained; -1: all."
    )
    head_epochs: int = Field(0, ge=0, description="First epochs, in which only the heads are trained.")
    batch_norm: Literal["frozen", "trained"] = Field(
        "frozen",
        description="Keep the published means and variances, or update them batch by batch.",
    )

    image_size: int = Field(128, ge=32, le=1024, description="Side in pixels that images are resized to.")
    view: ViewName = Field(
        "whole",
        description="What the network sees of an image: the whole image squeezed to a square, or the head or the face, turned "
        "upright. Without a face in the snapshot it is the whole image with borders.",
    )
    crop: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Proportion of the sides that is kept, around the middle of the view `whole`.",
    )
    preprocess: Mode = Field("network", description="How pixels are scaled.")
    blur: float = Field(0.0, ge=0, description="Gaussian blur of every image, standard deviation in pixels.")

    flip: float = Field(0.5, ge=0, le=1, description="Proportion of train images that are mirrored.")
    rotation: float = Field(8.0, ge=0, le=180, description="Largest rotation in degrees.")
    shift: float = Field(0.05, ge=0, lt=1, description="Largest shift in proportion to the side.")
    zoom: float = Field(0.1, ge=0, lt=1, description="Largest zoom in or out in proportion to the side.")
    shear: float = Field(0.0, ge=0, lt=90, description="Largest shear in degrees.")
    fill: Literal["gray", "edge"] = Field("gray", description="Pixels of the area that a transform uncovers.")
    jitter: float = Field(
        0.15, ge=0, lt=1, description="Largest change of brightness, contrast and saturation."
    )
    blur_chance: float = Field(
        0.0, ge=0, le=1, description="Proportion of train images that are blurred slightly."
    )
    random_crop: float = Field(
        0.0, ge=0, le=1, description="Smallest area of a random crop that is resized; 0: the whole image."
    )

    loss: Loss = Field(
        "cross_entropy",
        description="The loss. adjusted: cross-entropy with the log of the class prior added to the logits.",
    )
    focal_gamma: float = Field(
        2.0,
        ge=0,
        description="How strongly the focal loss reduces the weight of answers that are already right.",
    )
    class_power: float = Field(0.5, ge=0, le=1, description="Class weights are frequency ** -class_power.")
    resample_power: float = Field(
        0.0, ge=0, le=1, description="Images are drawn with their classes' frequency ** -resample_power."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Proportion of the target given to all classes."
    )

    optimizer: OptimizerName = Field("adamw", description="The optimizer.")
    learning_rate: float = Field(5e-4, gt=0, description="Highest learning rate of the backbone.")
    head_learning_rate: float = Field(2e-3, gt=0, description="Highest learning rate of the heads.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of sgd and rmsprop.")
    weight_decay: float = Field(0.02, ge=0, description="Weight decay; norms and biases are exempt.")
    gradient_clip: float = Field(5.0, gt=0, description="Largest norm of the gradient of a step.")
    schedule: Schedule = Field("cosine", description="Course of the learning rate after the warm-up.")
    warmup_epochs: float = Field(1.0, ge=0, description="Epochs until the highest learning rate.")
    step_epochs: int = Field(5, ge=1, description="Epochs after which the schedule `step` lowers the rate.")
    step_factor: float = Field(
        0.1, gt=0, lt=1, description="Factor by which the schedule `step` lowers the rate."
    )
    ema_decay: float = Field(
        0.99, ge=0, lt=1, description="Decay of the running mean of the weights; 0: no mean."
    )
    start_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Proportion of the initial weights in the weights that are validated and kept.",
    )
    precision: Precision = Field(
        "float32", description="Precision of the arithmetic; auto: the faster one, measured at the start."
    )

    epochs: int = Field(10, ge=1, description="Passes over the train split.")
    batch_size: int = Field(32, ge=2, description="Images per step.")
    monitor: Monitor = Field(
        "balanced_accuracy", description="Metric on the val split that selects the best epoch."
    )
    patience: int = Field(5, ge=1, description="Epochs without improvement after which the run stops.")
    keep_top: int = Field(1, ge=1, description="Number of best epochs whose weights are kept.")

    cache_megabytes: int = Field(
        1024, ge=0, description="Keep decoded images in memory if they fit into this size."
    )
    workers: int | None = Field(
        None,
        ge=0,
        description="Processes that prepare images; 0: the training process itself. Default: 0 on a CPU, because training "
        "uses all cores; otherwise the number of remaining cores, up to 4.",
    )
    checkpoint_steps: int = Field(500, ge=1, description="Steps between checkpoints within a long epoch.")
    threads: int = Field(0, ge=0, description="Threads for the arithmetic; 0: torch's default.")
    tensorboard: bool = Field(False, description="Also write the metrics for TensorBoard.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.batch_norm == "frozen" and not self.pretrained:
            raise ValueError("batch_norm 'frozen' needs published statistics: set batch_norm to 'trained'")
        if self.frozen_stages == ALL_STAGES and not self.pretrained:
            raise ValueError(
                "a backbone with random weights cannot be frozen completely: set frozen_stages to 0"
            )
        if self.crop != 1 and self.view != "whole":
            raise ValueError(f"the view '{self.view}' is a crop already: set crop to 1")
        if self.loss == "adjusted" and self.resample_power:
            raise ValueError("the loss 'adjusted' already balances the classes: set resample_power to 0")
        return self

    @property
    def input_view(self) -> View:
        """What the network sees of an image, in its size."""
        return replace(BY_NAME[self.view], side=self.image_size)

    def identity(self) -> dict[str, Any]:
        """Return the settings that determine the result: a run can be resumed if they are equal."""
        return self.model_dump(mode="json", exclude=EXECUTION)
