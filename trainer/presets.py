"""Named settings: the default, and the settings of five earlier systems (docs/recipes)."""

from dataclasses import dataclass
from typing import Any

from trainer.runtime.errors import ChoiceError

S0_AUGMENTATION = {
    "flip": 0.5, "rotation": 20.0, "shift": 0.1, "zoom": 0.1, "shear": 0.15, "fill": "edge", "jitter": 0.0,
}  # fmt: skip
S2_AUGMENTATION = {
    "flip": 0.5, "rotation": 15.0, "shift": 0.1, "zoom": 0.15, "fill": "edge", "jitter": 0.2, "blur_chance": 0.3,
}  # fmt: skip
S4_AUGMENTATION = {
    "flip": 0.5, "rotation": 0.0, "shift": 0.0, "zoom": 0.0, "jitter": 0.0, "random_crop": 0.08,
}  # fmt: skip
PLAIN = {
    "class_power": 0.0, "ema_decay": 0.0, "warmup_epochs": 0.0, "schedule": "constant", "weight_decay": 0.0,
}  # fmt: skip
FROM_NOTHING = {"pretrained": False, "batch_norm": "trained"}


@dataclass(frozen=True)
class Preset:
    """Settings that differ from the defaults, with a one-sentence description."""

    about: str
    settings: dict[str, Any]


def _s0(network: str) -> dict[str, Any]:
    return {
        **FROM_NOTHING, **PLAIN, **S0_AUGMENTATION, "network": network, "image_size": 128, "batch_size": 128,
        "preprocess": "samplewise", "optimizer": "adam", "learning_rate": 1e-3, "head_learning_rate": 1e-3,
        "epochs": 50, "dropout": 0.5, "patience": 10, "monitor": "accuracy",
    }  # fmt: skip


def _s1(network: str, **head: Any) -> dict[str, Any]:
    return {
        **PLAIN, **S0_AUGMENTATION, **head, "network": network, "image_size": 240, "frozen_stages": -1,
        "optimizer": "adam", "learning_rate": 1e-3, "head_learning_rate": 1e-3, "epochs": 100, "patience": 20,
        "monitor": "accuracy",
    }  # fmt: skip


def _s4(network: str, *, pretrained: bool) -> dict[str, Any]:
    return {
        **PLAIN, **S4_AUGMENTATION, "network": network, "pretrained": pretrained, "batch_norm": "trained",
        "image_size": 224, "preprocess": "imagenet", "resample_power": 1.0, "optimizer": "adam", "batch_size": 128,
        "learning_rate": 1e-3, "head_learning_rate": 1e-3, "epochs": 10, "patience": 10, "dropout": 0.0,
    }  # fmt: skip


PRESETS: dict[str, Preset] = {
    "default": Preset(
        "Two networks, one for faces and one for objects: first the heads, then also the upper half of the latter.",
        {
            "network": "faces", "view": "head", "image_size": 192, "head": "probe", "loss": "adjusted", "class_power": 0.0, "frozen_stages": 4,
            "learning_rate": 3e-4, "head_learning_rate": 5e-4, "epochs": 6, "start_share": 0.4,
        },
    ),
    "fine-tune": Preset("Fine-tune efficientnet_lite0 at 128 pixels; choose another network with --set network=NAME.", {"view": "head"}),
    "frozen": Preset(
        "Train only heads on a frozen efficientnet_lite0: minutes on a CPU.",
        {"view": "head", "frozen_stages": -1, "head": "hidden", "epochs": 15},
    ),
    "two-phase": Preset("First the heads, then everything at a tenth of the rate.", {"view": "head", "head_epochs": 3}),
    "s0-cnn": Preset("Selfie videos: the CNN from random weights, samplewise scaling.", _s0("s0_cnn")),
    "s0-resnet": Preset("Selfie videos: the ResNet from random weights, samplewise scaling.", _s0("s0_resnet32")),
    "s1-inception": Preset(
        "Me, others, objects: frozen inception_resnet_v2 with linear heads.", _s1("inception_resnet_v2")
    ),
    "s1-mobilenet": Preset(
        "Me, others, objects: frozen mobilenet_v2 with a hidden layer of 200.",
        _s1("mobilenet_v2", head="hidden", hidden=200),
    ),
    "s2": Preset(
        "Five attributes: a branch of convolutions per attribute, blurred images, slow SGD.",
        {
            **FROM_NOTHING, **PLAIN, **S2_AUGMENTATION, "network": "pixels", "head": "branch", "image_size": 200,
            "preprocess": "rescale", "blur": 0.8, "optimizer": "sgd", "learning_rate": 1e-2,
            "head_learning_rate": 1e-2, "epochs": 10, "patience": 10, "dropout": 0.5,
        },
    ),
    "s3-vgg16": Preset(
        "Five celebrities: vgg16, first the heads, then the last convolutions at a lower rate.",
        {
            **PLAIN, **S0_AUGMENTATION, "network": "vgg16", "image_size": 224, "head": "hidden", "hidden": 512,
            "frozen_stages": 4, "head_epochs": 10, "optimizer": "sgd", "learning_rate": 1e-4,
            "head_learning_rate": 1e-3, "epochs": 30, "patience": 10, "monitor": "loss",
        },
    ),
    **{
        f"s4-{network}{'' if pretrained else '-random'}": Preset(
            f"Gender on CelebA: {network}{' with published weights' if pretrained else ' from random weights'}, resampled.",
            _s4(network, pretrained=pretrained),
        )
        for network in ("vgg16", "resnet18", "googlenet")
        for pretrained in (True, False)
    },
}  # fmt: skip


def preset(name: str) -> dict[str, Any]:
    """Return the settings of a preset.

    Raises:
        ChoiceError: There is no preset of that name.
    """
    if name not in PRESETS:
        raise ChoiceError(
            f"There is no preset called {name!r}.",
            "Nothing was changed.",
            f"Choose one of: {', '.join(PRESETS)}.",
        )
    return dict(PRESETS[name].settings)
