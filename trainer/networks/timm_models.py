"""The classifiers of timm under its own names: inception_resnet_v2, xception, convnext_atto, and over a thousand others.

A model is used whole except for its pooling and classifier. Published weights are downloaded on first use, see
`trainer.networks.published`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from trainer.networks.backbone import Backbone, tokens_to_map
from trainer.networks.published import fetch, load_into

RENAMED = {"xception": "legacy_xception"}
HUB = "https://huggingface.co/{repository}/resolve/main/model.safetensors"
CONTAINERS = {"stages", "blocks", "layers", "features"}
"""Children that contain the stages."""
SMALLEST = 96


def names(pattern: str = "*") -> list[str]:
    """Return timm's names of models that match a pattern with `*`."""
    return sorted({*timm.list_models(pattern), *(old for old in RENAMED if fnmatch(old, pattern))})


def knows(name: str) -> bool:
    """Whether timm has a model of that name."""
    return timm.is_model(RENAMED.get(name, name))


class TimmBackbone(Backbone):
    """A classifier of timm up to its last map."""

    def __init__(self, name: str, model: Any) -> None:
        super().__init__()
        published = model.pretrained_cfg
        self.name = name
        self.model = model
        self.channels = self.feature_size = model.num_features
        self.input_size = published["input_size"][-1]
        self.fixed_side = bool(published.get("fixed_input_size"))
        self.smallest_side = self.input_size if self.fixed_side else SMALLEST
        self.mean = tuple(published["mean"])
        self.std = tuple(published["std"])

    @property
    def stage_modules(self) -> Mapping[str, nn.Module]:
        """The parts with parameters, in the model's own order."""
        parts: dict[str, nn.Module] = {}
        for name, module in self.model.named_children():
            inside = module.named_children() if name in CONTAINERS else [("", module)]
            parts |= {f"{name}.{inner}".rstrip("."): part for inner, part in inside}
        return {name: part for name, part in parts.items() if any(True for _ in part.parameters())}

    def map(self, images: Tensor) -> Tensor:
        """Run the model; the tokens of a transformer are turned back into a map."""
        maps: Tensor = self.model.forward_features(images)
        if maps.ndim == 3:
            return tokens_to_map(maps[:, getattr(self.model, "num_prefix_tokens", 0) :])
        return maps.permute(0, 3, 1, 2) if getattr(self.model, "output_fmt", "NCHW") == "NHWC" else maps


def build(name: str, *, pretrained: bool, weights: Path | None = None) -> TimmBackbone:
    """Build a model of timm.

    Args:
        name: One of `names()`.
        pretrained: Load the published weights.
        weights: Their file; None to find or download it.

    Raises:
        WeightsError: The weights are not available, or the file belongs to another network.
    """
    model: Any = timm.create_model(RENAMED.get(name, name), pretrained=False, num_classes=0, global_pool="")
    if pretrained:
        published = model.pretrained_cfg
        file = weights or fetch(name, _url(published), file_name=_file_name(published))
        load_into(model, file, name, without=_classifiers(published))
    return TimmBackbone(name, model)


@dataclass(frozen=True)
class Facts:
    """Facts about a model that do not need its weights.

    Attributes:
        parameters: Their number without the classifier.
        input_size: Side in pixels of the images that its weights were trained with.
        smallest_side: Side in pixels of the smallest usable image.
        needs: Where its weights come from.
    """

    parameters: int
    input_size: int
    smallest_side: int
    needs: str


def facts(name: str) -> Facts:
    """Return the facts about a model."""
    with torch.device("meta"):
        model: Any = timm.create_model(RENAMED.get(name, name), pretrained=False, num_classes=0)
    published = model.pretrained_cfg
    side = published["input_size"][-1]
    url = _url(published)
    return Facts(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        input_size=side,
        smallest_side=side if published.get("fixed_input_size") else min(SMALLEST, side),
        needs=f"weights downloaded once: {url}" if url else "training from random weights",
    )


def published_at(name: str) -> tuple[str, str]:
    """Return the address of a model's weights (empty if none are published) and their file name in torch's cache."""
    published = _published(name)
    return _url(published), _file_name(published)


def license_of(name: str) -> str | None:
    """Return what timm states as the licence of a model's weights; None if it states none."""
    return _published(name).get("license") or None


def _published(name: str) -> dict[str, Any]:
    with torch.device("meta"):
        model: Any = timm.create_model(RENAMED.get(name, name), pretrained=False, num_classes=0)
    return dict(model.pretrained_cfg)


def _url(published: Mapping[str, Any]) -> str:
    if published.get("hf_hub_id"):
        return HUB.format(repository=published["hf_hub_id"])
    return str(published.get("url") or "")


def _file_name(published: Mapping[str, Any]) -> str:
    """Return the name in torch's cache; on the hub every model's file has the same name."""
    if published.get("hf_hub_id"):
        return f"timm-{published['architecture']}.{published.get('tag') or 'weights'}.safetensors"
    return ""


def _classifiers(published: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the parts of a model that hold its classifiers, and the pooling of some transformers, which is left out too."""
    named = published.get("classifier") or ()
    parts = [named] if isinstance(named, str) else named
    return (*(part.split(".")[0] for part in parts), "attn_pool", "fc_norm")
