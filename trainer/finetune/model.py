"""One network for every attribute: a shared backbone and a head per attribute."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from trainer.config import FitConfig
from trainer.data.preprocess import Preprocess
from trainer.finetune.heads import build_head
from trainer.networks import Backbone, build


class MultiOutput(nn.Module):
    """A backbone with one head per attribute.

    The heads share what the backbone learns, and an image takes one pass however many attributes there are.

    Args:
        backbone: Provides features and maps.
        heads: Attribute -> its head.
        outputs: Attribute -> number of its classes, in the order of the outputs.
        prepare: Turns uint8 images into the backbone's input.
        dropout: Proportion of the features that are dropped in training.
    """

    def __init__(
        self,
        backbone: Backbone,
        heads: Mapping[str, nn.Module],
        outputs: Mapping[str, int],
        *,
        prepare: Preprocess,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.outputs = dict(outputs)
        self.prepare = prepare
        self.dropout = nn.Dropout(dropout)
        # A list, because an attribute may have the name of a method of ModuleDict ("values").
        self.heads = nn.ModuleList(heads[name] for name in outputs)
        self.on_maps = all(hasattr(head, "convolutions") for head in self.heads)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Answer every attribute.

        Args:
            images: (N, 3, H, W) float, as `prepare` returns them.

        Returns:
            Attribute -> (N, classes) logits.
        """
        return self.answer(self.backbone.map(images))

    def answer(self, maps: Tensor) -> dict[str, Tensor]:
        """Answer every attribute from the backbone's last map."""
        inputs = maps if self.on_maps else self.dropout(self.backbone.pool(maps))
        return {name: head(inputs) for name, head in zip(self.outputs, self.heads, strict=True)}


def build_model(config: FitConfig, outputs: Mapping[str, int], *, pretrained: bool) -> MultiOutput:
    """Build the model of the settings; the weights of its heads depend only on the seed.

    Args:
        config: The settings.
        outputs: Attribute -> number of its classes.
        pretrained: Load the published weights; False for a saved model, which brings its own.

    Raises:
        TrainerError: The network does not exist, or its weights are not available.
    """
    weights = config.weights if pretrained else None
    backbone = build(config.network, pretrained=pretrained, seed=config.seed, weights=weights)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        heads = {
            name: build_head(config.head, backbone, n, hidden=config.hidden, dropout=config.dropout)
            for name, n in outputs.items()
        }
    prepare = Preprocess(backbone, config.preprocess, blur=config.blur)
    return MultiOutput(backbone, heads, outputs, prepare=prepare, dropout=config.dropout)
