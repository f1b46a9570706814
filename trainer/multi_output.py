"""One network for every attribute: a shared backbone and a linear head per attribute."""

from collections.abc import Mapping

from torch import Tensor, nn

from trainer.networks import Backbone


class MultiOutput(nn.Module):
    """A backbone whose pooled features go through dropout into one linear head per attribute.

    What the attributes have in common is learned once, and an image costs one pass however many are asked.

    Args:
        backbone: Where the features come from.
        outputs: Attribute -> number of its classes, in the order of the answers.
        dropout: Share of the features that are left out while training.
    """

    def __init__(self, backbone: Backbone, outputs: Mapping[str, int], *, dropout: float = 0.0) -> None:
        super().__init__()
        self.backbone = backbone
        self.outputs = dict(outputs)
        self.dropout = nn.Dropout(dropout)
        # A list, because a person may name an attribute like a method of ModuleDict ("values").
        self.heads = nn.ModuleList(nn.Linear(backbone.feature_size, classes) for classes in outputs.values())

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Answer every attribute.

        Args:
            images: (N, 3, H, W) float, of the backbone's `normalise`.

        Returns:
            Attribute -> (N, classes) logits.
        """
        features = self.dropout(self.backbone(images))
        return {name: head(features) for name, head in zip(self.outputs, self.heads, strict=True)}
