"""One network for every attribute: a shared backbone and a head per attribute."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from trainer.config import FitConfig
from trainer.data.preprocess import Preprocess
from trainer.finetune.heads import build_head
from trainer.networks import Backbone, build


class MultiOutput(nn.Module):
    """A backbone that answers every attribute through a head of its own.

    What the attributes have in common is learned once, and an image costs one pass however many are asked.

    Args:
        backbone: Where features and maps come from.
        heads: Attribute -> its head, in the order of the answers.
        outputs: Attribute -> number of its classes.
        prepare: Turns uint8 images into what the backbone takes.
        dropout: Share of the features that are left out while training.
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
        # A list, because a person may name an attribute like a method of ModuleDict ("values").
        self.heads = nn.ModuleList(heads[name] for name in outputs)
        self.on_maps = all(hasattr(head, "convolutions") for head in self.heads)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Answer every attribute.

        Args:
            images: (N, 3, H, W) float, of `prepare`.

        Returns:
            Attribute -> (N, classes) logits.
        """
        return self.answer(self.backbone.map(images))

    def answer(self, maps: Tensor) -> dict[str, Tensor]:
        """Answer every attribute from the backbone's last map."""
        seen = maps if self.on_maps else self.dropout(self.backbone.pool(maps))
        return {name: head(seen) for name, head in zip(self.outputs, self.heads, strict=True)}


def build_model(config: FitConfig, outputs: Mapping[str, int], *, pretrained: bool) -> MultiOutput:
    """Build the model that the settings describe; its heads' weights depend on the seed alone.

    Args:
        config: The settings.
        outputs: Attribute -> number of its classes.
        pretrained: Load the published weights (a saved model brings its own).

    Raises:
        TrainerError: The network does not exist, or its weights cannot be had.
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
